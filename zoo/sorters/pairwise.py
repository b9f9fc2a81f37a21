"""Sorters without weights: ranks counted by comparing every pair through a sigmoid."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from zoo.errors import UsageError
from zoo.ranking.numbers import check_finite_numbers
from zoo.sorters.exact import exact_ranks
from zoo.sorters.sorter import Sorter


def sigmoid_ranks(
    scores: Float[Tensor, "batch length"], slope: Float[Tensor, "#batch 1"]
) -> Float[Tensor, "batch length"]:
    """Count, for each score, the scores above it: (1 + sum_j sigmoid(slope (y_j - y_i))) / L.

    The pair of a score with itself is left out. O(length²) memory a row.

    Raises:
        DataError: a score is not finite.
    """
    check_finite_numbers(scores=scores)
    above = scores.unsqueeze(1) - scores.unsqueeze(2)  # (batch, item, rival)
    counted = torch.sigmoid(slope.unsqueeze(2) * above).sum(2) - 0.5
    return (1 + counted) / scores.shape[1]


class _Sloped(Sorter):
    """A sorter with a slope, which is a finite number above 0."""

    def __init__(self, slope: float) -> None:
        super().__init__()
        if not 0 < slope < math.inf:
            raise UsageError(f"slope is {slope!r}", "give a finite number above 0")
        self.slope = slope


class SigmoidSorter(_Sloped):
    """SoDeep's handcrafted sorter: one fixed slope; its accuracy depends on the scale."""

    def __init__(self, slope: float = 10.0) -> None:
        super().__init__(slope)

    def ranks(self, scores: Float[Tensor, "batch length"]) -> Float[Tensor, "batch length"]:
        """Rank rows of any length."""
        return sigmoid_ranks(scores, scores.new_full((1, 1), self.slope))


class ScaledSigmoidSorter(_Sloped):
    """The handcrafted sorter with its slope divided by each row's deviation (a constant)."""

    def __init__(self, slope: float = 20.0) -> None:
        super().__init__(slope)

    def ranks(self, scores: Float[Tensor, "batch length"]) -> Float[Tensor, "batch length"]:
        """Rank rows of any length."""
        return sigmoid_ranks(scores, self.slope / deviation(scores))


class AdaptiveSorter(Sorter):
    """SoDeep's adaptive sorter: slope 6.8 over the deviation of the upper-triangle differences."""

    def ranks(self, scores: Float[Tensor, "batch length"]) -> Float[Tensor, "batch length"]:
        """Rank rows of any length."""
        fixed = scores.detach()
        differences = (fixed.unsqueeze(1) - fixed.unsqueeze(2)).triu()
        return sigmoid_ranks(scores, 6.8 / deviation(differences.flatten(1)))


class StraightThroughSorter(_Sloped):
    """Exact ranks whose gradient is that of `ScaledSigmoidSorter`."""

    def __init__(self, slope: float = 10.0) -> None:
        super().__init__(slope)

    def ranks(self, scores: Float[Tensor, "batch length"]) -> Float[Tensor, "batch length"]:
        """Rank rows of any length."""
        soft = sigmoid_ranks(scores, self.slope / deviation(scores))
        return soft + (exact_ranks(scores) - soft.detach())


def deviation(scores: Float[Tensor, "batch length"]) -> Float[Tensor, "batch 1"]:
    """Return each row's standard deviation as a constant; 1 for a constant row."""
    spread = scores.detach().std(1, keepdim=True)
    return torch.where(spread > 0, spread, torch.ones_like(spread))
