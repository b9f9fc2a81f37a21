"""Soft histograms of similarities: triangular bins between 1 and -1, cumulated."""

import torch
from jaxtyping import Float
from torch import Tensor

from zoo.ranking.step_sums import threshold_sums
from zoo.ranking.steps import RampStep


def cumulated_histogram(
    scores: Float[Tensor, "query gallery"], bins: int
) -> Float[Tensor, "query edge"]:
    """Return how many scores lie at each of `bins + 1` edges from 1 to -1, or before it.

    A score is shared between the two nearest edges in proportion to its distance, so the count
    up to an edge falls from whole to nothing between it and the next. `-inf` counts nowhere.

    >>> cumulated_histogram(torch.tensor([[1.0, 0.25, -torch.inf]]), bins=2)
    tensor([[1.2500, 2.0000, 2.0000]])
    """
    width = 2 / bins
    next_edges = 1 - width * torch.arange(1, bins + 2, dtype=scores.dtype, device=scores.device)
    return threshold_sums(scores, next_edges, RampStep(width))
