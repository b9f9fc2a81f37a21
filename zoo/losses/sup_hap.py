"""Sup-H-AP: hierarchical average precision on SupRank's ranks (HAPPIER)."""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from zoo.device import widest
from zoo.errors import UsageError
from zoo.losses.checks import Number, check_positive
from zoo.losses.hierarchical import HierarchicalLoss
from zoo.losses.sup_ap import PUBLISHED, SupRankLoss
from zoo.ranking.levels import related_items, sup_ranks
from zoo.ranking.positives import Levels, PerQuery, Scores
from zoo.ranking.step_sums import step_sums
from zoo.ranking.steps import LowerStep, SupRankStep


def level_relevance(
    count: Int[Tensor, "query level"], alpha: Number = 1.0
) -> Float[Tensor, "query level"]:
    """Return the relevance of an item of each level 1..L: `(l / L)^alpha / |Omega_l|`.

    `count` is |Omega_l|, the number of items that share exactly l levels (HAPPIER, eq. 12).

    >>> level_relevance(torch.tensor([[2, 1]]))
    tensor([[0.2500, 1.0000]])
    """
    levels = count.shape[1]
    grades = torch.arange(1, levels + 1, device=count.device)
    return (grades / levels) ** alpha / count.clamp(min=1)


def weighted_relevance(
    count: Int[Tensor, "query level"], weights: Sequence[Number]
) -> Float[Tensor, "query level"]:
    """Return the relevance of each level 1..L for which H-AP is the mean of the levels' APs.

    `rel(l) = sum_(i <= l) w_i / n_i`, with `n_i` the number of items that share at least i levels:
    H-AP is then `sum_i w_i AP_i`, where AP_i takes those items as positives. `weights` are one per
    label level, finest first; a level without items adds nothing.

    >>> weighted_relevance(torch.tensor([[2, 1]]), (0.5, 0.5))
    tensor([[0.1667, 0.6667]], dtype=torch.float64)
    """
    at_least = count.flip(1).cumsum(dim=1).flip(1)
    shares = torch.tensor(weights, dtype=widest(count.device), device=count.device).flip(0)
    return (shares * (at_least > 0) / at_least.clamp(min=1)).cumsum(dim=1)


def sup_hap(
    scores: Scores,
    level: Levels,
    levels: int,
    step: SupRankStep = PUBLISHED,
    alpha: Number = 1.0,
    lower: LowerStep | None = None,
    weights: Sequence[Number] | None = None,
) -> PerQuery:
    """Return 1 - `sum_k H-rank(k) / rank(k)` over the sum of relevances.

    Ramzi et al., HAPPIER, ECCV 2022, eq. 6: `H-rank(k) = rel(k) + sum_j min(rel(j), rel(k))` over
    the items ahead of k; with `lower`, more relevant items count through that lower bound. With
    `weights` the relevance is that of a mean over levels (`weighted_relevance`).

    >>> sup_hap(torch.tensor([[0.9, 0.5, 0.1]]), torch.tensor([[2, 1, 0]]), levels=2)
    tensor([0.])
    """
    related = related_items(scores, level)
    count = related.count(levels)
    graded = (
        level_relevance(count, alpha) if weights is None else weighted_relevance(count, weights)
    )
    relevance = graded.to(scores.dtype)
    reached = torch.zeros_like(scores[:, 0])
    for grade, items, rank, own in sup_ranks(scores, levels, related, step):
        mine = relevance[:, grade - 1]
        h_rank = torch.zeros_like(own)  # k itself is among the items at its own level
        for other in range(1, levels + 1):
            if lower is None or other <= grade:
                ahead = related.ahead(related.level == other, own)
            else:
                others = scores.detach().masked_fill(level != other, -torch.inf)
                ahead = step_sums(scores, others, items, lower)[0]
            h_rank = h_rank + torch.minimum(relevance[:, other - 1], mine)[:, None] * ahead
        reached = reached + (h_rank / rank.where(items.listed, 1) * items.listed).sum(dim=1)
    total = (count * relevance).sum(dim=1)
    return 1 - reached / total.where(total > 0, 1)


class SupHAP(HierarchicalLoss, SupRankLoss):
    """Mean of 1 - Sup-H-AP; labels (N, levels), finest first; the step's parameters are SupAP's.

    `alpha` sets how fast relevance falls with the level; `hrank` makes H-rank differentiable
    through `beta`, `gamma` and `leak` (the published configurations leave it off). `weights`, one
    per label level, finest first, makes it the mean of the levels' SupAPs instead.
    """

    def __init__(
        self,
        tau: Number = 0.01,
        rho: Number = 100.0,
        delta: Number = 0.05,
        start: Number = 0.5,
        offset: Number | None = 1.44,
        alpha: Number = 1.0,
        hrank: bool = False,
        beta: Number = 25.0,
        gamma: Number = 0.5,
        leak: Number = 10.0,
        weights: Sequence[Number] | None = None,
        *,
        query: str = "exclude",
        query_chunk: int | None = None,
    ) -> None:
        super().__init__(tau, rho, delta, start, offset, query=query, query_chunk=query_chunk)
        check_positive(alpha=alpha, beta=beta, gamma=gamma, leak=leak)
        self.alpha = alpha
        self.weights = weights if weights is None else tuple(weights)
        if weights is not None and not (min(weights) >= 0 and sum(weights) > 0):
            raise UsageError(f"weights is {weights!r}", "one number of at least 0 per label level")
        self.lower = LowerStep(beta, gamma, leak) if hrank else None

    def graded_values(self, scores: Scores, level: Levels, levels: int) -> PerQuery:
        """Return 1 - Sup-H-AP of each query."""
        if self.weights is not None and len(self.weights) != levels:
            raise UsageError(
                f"weights has {len(self.weights)} values for labels of {levels} levels",
                "give one per label level, finest first",
            )
        return sup_hap(scores, level, levels, self.step, self.alpha, self.lower, self.weights)
