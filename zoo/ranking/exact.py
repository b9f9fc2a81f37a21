"""Exact ranks, by comparing: constants to autograd."""

import torch
from jaxtyping import Float
from torch import Tensor

from zoo.ranking.positives import Items, PerQuery, Scores
from zoo.ranking.step_sums import plain_sums
from zoo.ranking.steps import HardStep


def count_at_least(
    scores: Scores, thresholds: Float[Tensor, "query item"]
) -> Float[Tensor, "query item"]:
    """Return how many of a row's scores reach each threshold: a tie counts (H(0) = 1).

    Compared one by one: `scores` are those of a few items, a small part of the gallery that the
    surrogate meets, and `searchsorted` takes longer for so few.

    >>> count_at_least(torch.tensor([[0.1, 0.5, 0.9]]), torch.tensor([[0.5, 0.6]]))
    tensor([[2., 1.]])
    """
    below = plain_sums(-scores.detach(), -thresholds.detach(), HardStep())
    return scores.shape[1] - below


def count_ranked(scores: Scores) -> PerQuery:
    """Return how many columns of each row are in the ranking: not scored `-inf`.

    >>> count_ranked(torch.tensor([[0.1, -torch.inf, -5.0]]))
    tensor([2.])
    """
    lowest = scores.new_full((len(scores), 1), torch.finfo(scores.dtype).min / 2)
    return plain_sums(scores.detach(), lowest, HardStep())[:, 0]


def rank_among_items(own: Float[Tensor, "query item"], items: Items) -> Float[Tensor, "query item"]:
    """Return each listed item's exact rank among the listed ones, 1 = best, ties counted ahead."""
    return count_at_least(own.masked_fill(~items.listed, -torch.inf), own)
