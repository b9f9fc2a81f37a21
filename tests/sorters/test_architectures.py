"""Every architecture: its size, the lengths it takes, what it says to bad scores."""

import pytest
import torch

from zoo.errors import DataError, UsageError
from zoo.sorters import SORTERS, exact_ranks, standardise

PARAMETERS = {
    "lstm": 3_089_508,
    "lstmla": 18_649_188,
    "gruc": 100_800,
    "grup": 4_142_948,
    "grus": 168,
    "lstme": 903_000,
    "cnn": 1_444_725,
    "mlp": 4_608_100,
    "exa": 0,
    "sigmoid": 0,
    "scaled_sigmoid": 0,
    "straight_through": 0,
    "gaussian": 0,
    "soft_rank_l2": 0,
    "soft_rank_kl": 0,
    "neural_sort": 0,
}
ANY_LENGTH = sorted(set(SORTERS) - {"cnn", "grup", "lstm", "lstme", "lstmla", "mlp"})
SMALL = {name: {"length": 6} for name in ("lstm", "grup", "lstme", "mlp")}


def test_every_sorter_has_its_published_size_at_length_100() -> None:
    sizes = {n: sum(p.numel() for p in build().parameters()) for n, build in SORTERS.items()}
    assert sizes == PARAMETERS


@pytest.mark.parametrize("name", sorted(set(SORTERS) - {"lstmla"}))
def test_a_sorter_keeps_the_shape_and_sends_a_gradient_to_every_score(name: str) -> None:
    sorter = SORTERS[name](**SMALL.get(name, {}))
    scores = torch.randn(3, sorter.length or 6).mul(0.03).requires_grad_()  # soft ranks pool < .1
    ranks = sorter(scores)
    assert ranks.shape == scores.shape
    (ranks * torch.linspace(0, 1, scores.shape[1])).sum().backward()
    assert scores.grad is not None
    assert scores.grad.isfinite().all()
    assert (scores.grad != 0).any(1).all()


@pytest.mark.parametrize("name", ANY_LENGTH)
@pytest.mark.parametrize("length", [2, 7, 300])
def test_a_length_agnostic_sorter_takes_any_length(name: str, length: int) -> None:
    assert SORTERS[name]()(torch.randn(2, length)).shape == (2, length)


@pytest.mark.parametrize("name", ["lstm", "grup", "lstme", "mlp", "cnn"])
def test_a_tied_sorter_refuses_another_length(name: str) -> None:
    with pytest.raises(UsageError, match="sorts exactly 100 scores, not 99"):
        SORTERS[name]()(torch.randn(2, 99))


def test_the_cnn_cannot_be_built_for_another_length() -> None:
    with pytest.raises(UsageError, match="100 scores, not 50"):
        SORTERS["cnn"](length=50)


def test_a_sorter_needs_two_scores() -> None:
    with pytest.raises(UsageError, match="nothing to sort"):
        SORTERS["mlp"](length=1)
    with pytest.raises(UsageError, match="cannot be ranked"):
        SORTERS["gaussian"]()(torch.randn(2, 1))


@pytest.mark.parametrize("name", ANY_LENGTH)
@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_score_that_is_no_number_is_named(name: str, bad: float) -> None:
    scores = torch.zeros(2, 5)
    scores[1, 3] = bad
    with pytest.raises(DataError, match="row 1, column 3"):
        SORTERS[name]()(scores)


def test_exact_ranks_agree_with_a_count_of_the_scores_above() -> None:
    scores = torch.randint(0, 6, (4, 9)).double()  # many ties
    above = (scores[:, None] > scores[..., None]).sum(2)
    tied = (scores[:, None] == scores[..., None]).sum(2)
    torch.testing.assert_close(exact_ranks(scores), (above + (tied.double() + 1) / 2) / 9)


def test_standardising_keeps_the_order_and_survives_a_constant_row() -> None:
    scores = torch.stack((torch.randn(8) * 1000 + 5e4, torch.full((8,), 3.0)))
    scaled = standardise(scores)
    assert exact_ranks(scaled).equal(exact_ranks(scores))
    torch.testing.assert_close(scaled[0].std(), torch.tensor(1.0))
    assert scaled[1].equal(torch.zeros(8))


def test_the_squashed_grus_read_sigmoids_of_halved_scores_plus_one() -> None:
    scores = torch.tensor([[-2.0, 0.0, 2.0]])
    for sorter in (SORTERS["gruc"](), SORTERS["grup"](length=3)):
        seen: list[torch.Tensor] = []
        rnn = sorter.get_submodule("rnn")
        rnn.register_forward_pre_hook(lambda _, given, seen=seen: seen.append(given[0]))
        ranks = sorter(scores)
        torch.testing.assert_close(seen[0].flatten(), torch.tensor([0.5, 0.731059, 0.880797]))
        assert ((ranks > 0) & (ranks < 1)).all()
