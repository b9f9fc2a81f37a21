"""Soft histograms of similarities: triangular bins between 1 and -1."""

import torch
from jaxtyping import Float
from torch import Tensor


def soft_histogram(
    scores: Float[Tensor, "query gallery"], bins: int
) -> Float[Tensor, "query edge"]:
    """Share each score between the two nearest of `bins + 1` edges, from similarity 1 to -1.

    Linear in the number of scores whatever the number of bins; `-inf` and `inf` count nowhere.

    >>> soft_histogram(torch.tensor([[1.0, 0.25, -torch.inf]]), bins=2)
    tensor([[1.2500, 0.7500, 0.0000]])
    """
    counted = scores.isfinite()
    position = torch.where(counted, (1 - scores) * (bins / 2), 0).clamp(0, bins)
    lower = position.detach().floor().clamp(max=bins - 1)
    share = torch.where(counted, position - lower, 0)
    index = lower.long()
    empty = torch.zeros(len(scores), bins + 1, dtype=scores.dtype, device=scores.device)
    whole = empty.scatter_add(1, index, counted.to(scores.dtype))
    moved = empty.scatter_add(1, index, share)  # from each edge to the next
    return whole - moved + torch.nn.functional.pad(moved[:, :-1], (1, 0))
