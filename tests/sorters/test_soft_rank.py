"""Soft ranks and NeuralSort, against published values and brute force."""

import pytest
import torch

from zoo.errors import UsageError
from zoo.sorters import SORTERS, exact_ranks
from zoo.sorters.neural_sort import neural_sort
from zoo.sorters.soft_rank import soft_ranks

VALUES = torch.tensor([[2.9, 0.1, 1.2]], dtype=torch.float64)


def close(found: torch.Tensor, expected: list[float]) -> None:
    wanted = torch.tensor([expected], dtype=torch.float64)
    torch.testing.assert_close(found, wanted, atol=5e-7, rtol=0)


@pytest.mark.parametrize(
    ("strength", "regulariser", "expected", "gradient"),
    [
        (1.0, "l2", [3, 1, 2], [0, 0, 0]),
        (1.0, "kl", [3, 1, 2], [0, 0, 0]),
        (2.0, "l2", [2.75, 1.35, 1.90], [-0.5, 0, 0.5]),
        (2.0, "kl", [3, 1.097593, 1.902407], [0, -0.348011, 0.348011]),
    ],
)
def test_the_published_values_and_gradients_come_out(
    strength: float, regulariser: str, expected: list[float], gradient: list[float]
) -> None:
    values = VALUES.clone().requires_grad_()
    ranks = soft_ranks(values, strength, regulariser)
    close(ranks.detach(), expected)
    (found,) = torch.autograd.grad((ranks * torch.tensor([[1.0, 2.0, 3.0]])).sum(), values)
    close(found, gradient)


@pytest.mark.parametrize("regulariser", ["l2", "kl"])
def test_gradients_agree_with_finite_differences(regulariser: str) -> None:
    values = torch.randn(3, 7, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda v: soft_ranks(v, 0.7, regulariser), (values,))


def test_l2_is_the_nearest_point_of_the_permutahedron() -> None:
    from itertools import permutations

    values = torch.randn(4, 4, dtype=torch.float64)
    found = soft_ranks(values, 0.5)
    corners = torch.tensor(list(permutations([1.0, 2, 3, 4])), dtype=torch.float64)
    for row, projected in zip(values / 0.5, found, strict=True):
        assert projected.sum() == pytest.approx(10)
        assert ((corners - projected) @ (row - projected)).max() < 1e-9  # the projection's test


@pytest.mark.parametrize("regulariser", ["l2", "kl"])
def test_soft_ranks_harden_and_collapse_with_the_strength(regulariser: str) -> None:
    values = torch.randn(2, 9, dtype=torch.float64)
    hard = 10 - 9 * exact_ranks(values)
    torch.testing.assert_close(soft_ranks(values, 1e-3, regulariser), hard)
    collapsed = soft_ranks(values, 1e6, regulariser)
    torch.testing.assert_close(collapsed, torch.full_like(collapsed, 5.0), atol=1e-3, rtol=0)


@pytest.mark.parametrize(
    ("tau", "expected"),
    [
        (1.0, [4.707945, 3.978907, 2.999791, 2.000209, 1.021093, 0.292055]),
        (0.1, [4.999955, 4, 3, 2, 1, 0.000045]),
    ],
)
def test_neural_sort_gives_the_published_quasi_sorted_vector(
    tau: float, expected: list[float]
) -> None:
    scores = torch.tensor([[3.0, 1, 5, 2, 4, 0]], dtype=torch.float64)
    close((neural_sort(scores, tau) @ scores[:, :, None]).squeeze(2), expected)


def test_neural_sort_gives_the_published_first_row() -> None:
    scores = torch.tensor([[3.0, 1, 5, 2, 4, 0]], dtype=torch.float64)
    close(neural_sort(scores)[:, 0], [0.013212, 0, 0.721335, 0.000089, 0.265364, 0])


@pytest.mark.parametrize("name", ["soft_rank_l2", "soft_rank_kl", "neural_sort"])
def test_as_sorters_they_rank_downwards_over_the_length(name: str) -> None:
    scores = torch.tensor([[30.0, -80.0, 90.0, 10.0, -20.0]], dtype=torch.float64)
    close(SORTERS[name]()(scores), [0.4, 1.0, 0.2, 0.6, 0.8])


def test_settings_that_cannot_be_are_refused() -> None:
    with pytest.raises(UsageError, match="regulariser"):
        SORTERS["soft_rank_l2"](regulariser="l3")
    with pytest.raises(UsageError, match="strength"):
        SORTERS["soft_rank_l2"](strength=0.0)
    with pytest.raises(UsageError, match="tau"):
        SORTERS["neural_sort"](tau=float("nan"))
