"""Exact normalised ranks: the target of every sorter."""

import torch
from jaxtyping import Float
from torch import Tensor

from zoo.ranking.numbers import check_numbers


@torch.no_grad()
def exact_ranks(scores: Float[Tensor, "batch length"]) -> Float[Tensor, "batch length"]:
    """Return each row's descending ranks over its length; tied scores share their mean rank.

    The largest of L scores gets 1 / L, the smallest 1. O(L log L), no gradient.

    Raises:
        DataError: a score is NaN.

    >>> exact_ranks(torch.tensor([[0.3, -0.8, 0.9, 0.1, -0.2]]))
    tensor([[0.4000, 1.0000, 0.2000, 0.6000, 0.8000]])
    """
    check_numbers(scores=scores)
    rows = scores.contiguous()
    ascending = rows.sort(dim=1).values
    below = torch.searchsorted(ascending, rows)
    not_above = torch.searchsorted(ascending, rows, right=True)
    length = scores.shape[1]
    ranks = length - (below + not_above - 1) / 2
    return (ranks / length).to(scores.dtype)
