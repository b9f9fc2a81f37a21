"""Exact ranks, by sorting: constants to autograd."""

import torch
from jaxtyping import Float
from torch import Tensor

from zoo.ranking.positives import Items


def count_at_least(
    scores: Float[Tensor, "query gallery"], thresholds: Float[Tensor, "query item"]
) -> Float[Tensor, "query item"]:
    """Return how many of a row's scores reach each threshold: a tie counts (H(0) = 1).

    >>> count_at_least(torch.tensor([[0.1, 0.5, 0.9]]), torch.tensor([[0.5, 0.6]]))
    tensor([[2., 1.]])
    """
    ordered = scores.detach().sort(dim=1).values
    below = torch.searchsorted(ordered, thresholds.detach().contiguous())
    return (scores.shape[1] - below).to(scores.dtype)


def rank_among_items(own: Float[Tensor, "query item"], items: Items) -> Float[Tensor, "query item"]:
    """Return each listed item's exact rank among the listed ones, 1 = best, ties counted ahead."""
    return count_at_least(own.masked_fill(~items.listed, -torch.inf), own)
