"""NeuralSort: a permutation matrix relaxed to one softmax per place (Grover et al., ICLR 2019)."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from zoo.errors import UsageError
from zoo.ranking.numbers import check_finite_numbers
from zoo.sorters.sorter import Sorter


def neural_sort(
    scores: Float[Tensor, "batch length"], tau: float = 1.0
) -> Float[Tensor, "batch place length"]:
    """Return the relaxed permutation that sorts downwards: row i weighs who comes i-th.

    softmax(((L + 1 - 2i) s - A 1) / tau), A the absolute differences. `matrix @ scores` is the
    quasi-sorted vector. O(length²) memory a row.

    Raises:
        DataError: a score is not finite.
    """
    check_finite_numbers(scores=scores)
    length = scores.shape[1]
    spread = (scores.unsqueeze(2) - scores.unsqueeze(1)).abs().sum(2)
    place = length + 1 - 2 * torch.arange(1, length + 1, dtype=scores.dtype, device=scores.device)
    logits = place[None, :, None] * scores.unsqueeze(1) - spread.unsqueeze(1)
    return torch.softmax(logits / tau, dim=2)


class NeuralSortSorter(Sorter):
    """Each score's mean place under `neural_sort`, over the length.

    The relaxed matrix is stochastic in its rows only, so each column is normalised first.
    """

    def __init__(self, tau: float = 1.0) -> None:
        super().__init__()
        if not (math.isfinite(tau) and tau > 0):
            raise UsageError(f"tau is {tau!r}", "give a finite number above 0")
        self.tau = tau

    def ranks(self, scores: Float[Tensor, "batch length"]) -> Float[Tensor, "batch length"]:
        """Rank rows of any length."""
        matrix = neural_sort(scores, self.tau)
        length = scores.shape[1]
        places = torch.arange(1, length + 1, dtype=scores.dtype, device=scores.device)
        weight = matrix.sum(1).clamp_min(torch.finfo(scores.dtype).tiny)
        return (places @ matrix) / weight / length
