"""SoDeep's losses: their values with exact ranks, their gradients, what they refuse."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from zoo.errors import DataError, UnavailableError, UsageError
from zoo.losses import SoDeepMAP, SoDeepRecall, SoDeepSpearman
from zoo.sorters import SORTERS, exact_ranks
from zoo.sorters.store import build_sorter, save_sorter

READY = sorted(n for n, b in SORTERS.items() if not any(True for _ in b().parameters()))


@pytest.mark.parametrize("sorter", READY)
def test_descent_on_spearman_orders_the_predictions(sorter: str) -> None:
    """A mean over 16 rows, whose descent no rounding turns round.

    Over 8 seeds .14 of the loss is left at most, by `soft_rank_kl`, where few scores are pooled and
    the others wait without gradient, .47 to .69.
    """
    target = torch.randn(16, 20)
    predictions = nn.Parameter(torch.randn(16, 20))
    loss = SoDeepSpearman(sorter)
    optimiser = torch.optim.Adam([predictions], lr=0.2)
    before = loss(predictions, target).item()
    for _ in range(60):
        optimiser.zero_grad()
        loss(predictions, target).backward()
        optimiser.step()
    left = loss(predictions, target).item() / before
    assert left < (0.85 if sorter == "soft_rank_kl" else 0.3)


def test_spearman_is_affine_in_the_rank_correlation() -> None:
    predictions, targets = torch.randn(2, 5, 30, dtype=torch.float64)
    one, other = exact_ranks(predictions), exact_ranks(targets)
    rho = torch.stack(
        [torch.corrcoef(torch.stack(pair))[0, 1] for pair in zip(one, other, strict=True)]
    )
    loss = SoDeepSpearman()(predictions, targets)
    torch.testing.assert_close(1 - 6 * loss * 30**2 / (30**2 - 1), rho.mean())


def test_spearman_takes_one_vector_or_a_batch_and_adds_the_value_distance() -> None:
    predictions, targets = torch.randn(2, 4, 10)
    loss = SoDeepSpearman(l1_weight=2.0)
    each = torch.stack([loss(p, t) for p, t in zip(predictions, targets, strict=True)])
    torch.testing.assert_close(loss(predictions, targets), each.mean())
    apart = SoDeepSpearman()(predictions, targets) + 2 * (predictions - targets).abs().mean()
    torch.testing.assert_close(loss(predictions, targets), apart)


def test_map_adds_the_ranks_of_the_positives_of_each_class() -> None:
    scores = torch.tensor([[0.9, 0.1, 5.0], [0.5, 0.3, 6.0], [0.7, 0.2, 7.0], [0.1, 0.4, 8.0]])
    targets = torch.tensor([[1, 0, 0], [0, 1, -1], [1, 0, 0], [0, 1, 0]])  # class 3: none
    # class 1: positives at places 1 and 2 of 4; class 2: places 2 and 1.
    assert SoDeepMAP(reduction="sum")(scores, targets).item() == pytest.approx(6 / 4)
    assert SoDeepMAP()(scores, targets).item() == pytest.approx(1.5 / 4)


def test_map_without_positives_is_zero_with_a_graph() -> None:
    scores = torch.randn(4, 3, requires_grad=True)
    value = SoDeepMAP()(scores, torch.zeros(4, 3))
    value.backward()
    assert value == 0
    assert scores.grad is not None
    assert scores.grad.eq(0).all()


def test_recall_is_the_mean_rank_of_the_matches_both_ways() -> None:
    scores = torch.tensor([[0.9, 0.1, 0.2], [0.8, 0.3, 0.1], [0.1, 0.2, 0.3]])
    rows, columns = (1 + 2 + 1) / 9, (1 + 1 + 1) / 9
    assert SoDeepRecall(form="sum")(scores).item() == pytest.approx(rows + columns)


def test_hard_recall_charges_the_margin_to_the_best_mismatch() -> None:
    scores = torch.tensor([[0.9, 0.1, 0.2], [0.8, 0.3, 0.1], [0.1, 0.2, 0.3]])
    # Ranks apart by 1/3 where the match leads; the second row's match is 1/3 behind.
    assert SoDeepRecall(margin=0.2)(scores).item() == pytest.approx((0.2 + 1 / 3) / 3)
    assert SoDeepRecall(margin=0.5)(scores).item() == pytest.approx(
        (5 * (0.5 - 1 / 3) + (0.5 + 1 / 3)) / 3
    )


@pytest.mark.parametrize("form", ["sum", "hard"])
def test_recall_pulls_matches_up_and_mismatches_down(form: str) -> None:
    scores = torch.randn(6, 6, requires_grad=True)
    SoDeepRecall(form=form, margin=1.0)(scores).backward()
    assert scores.grad is not None
    assert scores.grad.diagonal().sum() < 0
    assert scores.grad.sum() - scores.grad.diagonal().sum() > 0


def test_the_sorter_stays_frozen_and_its_batch_norm_asleep(tmp_path: Path) -> None:
    save_sorter(build_sorter("cnn"), tmp_path, "cnn")
    loss = SoDeepSpearman(tmp_path).train()
    before = {key: value.clone() for key, value in loss.sorter.state_dict().items()}
    predictions = torch.randn(2, 100, requires_grad=True)
    loss(predictions, torch.randn(2, 100)).backward()
    assert predictions.grad is not None
    assert all(value.equal(before[key]) for key, value in loss.sorter.state_dict().items())
    assert not any(p.requires_grad for p in loss.parameters())
    assert not any(m.training for m in loss.sorter.modules())


def test_recurrent_layers_stay_in_the_mode_that_cudnn_needs() -> None:
    loss = SoDeepSpearman(build_sorter("grus")).eval()
    assert all(m.training for m in loss.sorter.modules() if isinstance(m, nn.RNNBase))


def test_the_mode_is_the_loss_s_and_never_the_sorter_s() -> None:
    loss = SoDeepSpearman(build_sorter("cnn"))
    assert loss.training
    assert not loss.eval().training
    assert loss.train().training
    assert not loss.sorter.training


def test_a_sorter_remembers_only_what_it_meets_in_training() -> None:
    loss = SoDeepSpearman(build_sorter("lstme", length=10), slow_update=1e-3).eval()
    loss(torch.randn(64, 10), torch.randn(64, 10))
    assert loss.update_sorter() == 0
    loss.train()(torch.randn(64, 10), torch.randn(64, 10))
    assert loss.update_sorter() > 0


def test_a_slowly_updated_sorter_follows_the_scores_it_meets() -> None:
    loss = SoDeepSpearman(build_sorter("lstme", length=10), slow_update=1e-3)
    scores, target = torch.randn(64, 10), torch.randn(64, 10)
    errors = []
    for _ in range(5):
        loss(scores, target)
        errors.append(loss.update_sorter())
    assert errors[-1] < errors[0]
    assert not any(p.requires_grad for p in loss.sorter.parameters())
    assert loss.update_sorter() == 0  # nothing met since


def test_half_precision_scores_are_ranked_in_full_precision() -> None:
    scores = torch.randn(5, 5).bfloat16().requires_grad_()
    SoDeepRecall()(scores).backward()
    assert scores.grad is not None
    assert scores.grad.dtype == torch.bfloat16


@pytest.mark.parametrize("bad", [float("nan"), float("-inf")])
def test_scores_that_are_no_numbers_are_an_error(bad: float) -> None:
    scores: Tensor = torch.full((3, 3), bad)
    with pytest.raises(DataError, match="cannot be ranked"):
        SoDeepRecall()(scores)


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(UnavailableError, match="lstmla is not a sorter's folder"):
        SoDeepSpearman("lstmla")
    with pytest.raises(UsageError, match="no weights to update"):
        SoDeepSpearman(slow_update=1e-5)
    with pytest.raises(UsageError, match="keeps its sorter frozen"):
        SoDeepSpearman().update_sorter()
    with pytest.raises(UsageError, match="reduction"):
        SoDeepMAP(reduction="max")
    with pytest.raises(UsageError, match="form"):
        SoDeepRecall(form="soft")
    with pytest.raises(UsageError, match="sorts exactly 10"):
        SoDeepSpearman(build_sorter("mlp", length=10))(torch.randn(9), torch.randn(9))
    with pytest.raises(UsageError, match=r"targets \(3, 1\)"):
        SoDeepMAP()(torch.randn(3, 2), torch.ones(3, 1))
