"""Blackbox differentiation of the ranking: exact ranks forward, perturbed ranks backward.

Vlastelica et al. (ICLR 2020) and Rolinek et al. (RaMBO, CVPR 2020): with an incoming gradient g,
the scores are moved to `y + lam g`, ranked again, and `(rank(y + lam g) - rank(y)) / lam` is
returned. It already contains g and is not multiplied by it again.
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

from zoo.ranking.numbers import check_numbers
from zoo.ranking.positives import Items, PerQuery, Scores
from zoo.ranking.step_sums import passed_by, plain_sums
from zoo.ranking.steps import HardStep


def exact_ranks(scores: Float[Tensor, "*row item"]) -> Float[Tensor, "*row item"]:
    """Return `1 + #{j: s_j > s_i}`: 1 is best, ties share the best rank.

    >>> exact_ranks(torch.tensor([0.9, 0.1, 0.5, 0.7, -0.2]))
    tensor([1., 4., 3., 2., 5.])
    """
    ordered = scores.detach().sort(dim=-1).values
    not_above = torch.searchsorted(ordered, scores.detach().contiguous(), right=True)
    return (scores.shape[-1] - not_above + 1).to(scores.dtype)


def blackbox_rank(
    scores: Float[Tensor, "*row item"], lam: float | int
) -> Float[Tensor, "*row item"]:
    """Return exact ranks (1 = best, not divided by n) whose gradient is the blackbox one.

    A published lambda, for a loss on ranks divided by n, is `lam = n lambda` here: the loss's
    gradient is n times smaller and the ranks n times larger.

    Raises:
        DataError: a score is NaN.
    """
    check_numbers(scores=scores)
    ranks: Tensor = _BlackboxRank.apply(scores, lam)
    return ranks


class _BlackboxRank(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, scores: Tensor, lam: float | int) -> Tensor:
        ranks = exact_ranks(scores)
        ctx.save_for_backward(scores, ranks)
        ctx.lam = lam
        return ranks

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor, None]:
        scores, ranks = ctx.saved_tensors
        return (exact_ranks(scores + ctx.lam * upstream) - ranks) / ctx.lam, None


def blackbox_item_ranks(
    scores: Scores, items: Items, lam: PerQuery, margin: float | int = 0
) -> Float[Tensor, "query item"]:
    """Return the listed items' ranks in their row, with `blackbox_rank`'s gradient, unsorted.

    Unlisted items are ranked as if they scored `margin` more.

    Only listed items carry a gradient, so only they move: an unlisted item's rank changes by the
    listed items that pass it. Comparing everything with m items costs less than two sorts.
    Padding has rank 1.
    """
    ranks: Tensor = _BlackboxItemRanks.apply(scores, items, lam, margin)
    return ranks


class _BlackboxItemRanks(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, scores: Tensor, items: Items, lam: Tensor, margin: float | int) -> Tensor:
        own = scores.gather(1, items.columns).masked_fill_(~items.listed, torch.inf)
        unlisted = scores.scatter(1, items.columns, -torch.inf)
        ranks = 1 + _ahead(unlisted, own - margin) + _ahead_among(own, items)
        ctx.save_for_backward(unlisted, own, ranks, lam)
        ctx.items, ctx.margin = items, margin
        return ranks

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor, None, None, None]:
        unlisted, own, ranks, lam = ctx.saved_tensors
        items: Items = ctx.items
        moved = torch.where(items.listed, own + lam[:, None] * upstream, torch.inf)
        moved_ranks = 1 + _ahead(unlisted, moved - ctx.margin) + _ahead_among(moved, items)
        # A column at -inf, listed or no item, is below everything before and after: passed is 0.
        passed = passed_by(unlisted, own - ctx.margin, moved - ctx.margin)
        of_items = torch.where(items.listed, moved_ranks - ranks, 0)
        passed.scatter_add_(1, items.columns, of_items)
        return passed.div_(lam[:, None]), None, None, None


def _ahead_among(values: Tensor, items: Items) -> Tensor:
    """Count the listed values above each listed value."""
    return _ahead(values.masked_fill(~items.listed, -torch.inf), values)


def _ahead(scores: Tensor, thresholds: Tensor) -> Tensor:
    """Count the scores above each threshold."""
    return plain_sums(scores, thresholds, HardStep())
