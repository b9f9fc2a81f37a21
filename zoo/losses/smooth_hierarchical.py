"""H-AP and NDCG with every step a sigmoid: SupRank's baselines SmoothHAP and SmoothNDCG."""

from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Tensor

from zoo.losses.checks import Number, check_positive
from zoo.losses.hierarchical import HierarchicalLoss
from zoo.losses.sup_hap import level_relevance
from zoo.losses.sup_ndcg import ideal_dcg
from zoo.ranking.levels import related_items
from zoo.ranking.positives import Items, Levels, Scores
from zoo.ranking.step_sums import step_sums
from zoo.ranking.steps import SigmoidStep


def smooth_hap(scores: Scores, level: Levels, levels: int, tau: Number = 0.01) -> Tensor:
    """Return 1 - H-AP of each query on smooth ranks and smooth H-ranks.

    `rank(k) = 1 + sum_j sigmoid((s_j - s_k) / tau)` over all other items, `H-rank(k) = rel(k) +`
    the same sum weighted by `min(rel(j), rel(k))` (Ramzi et al., SupRank, TPAMI 2025, baselines).

    >>> smooth_hap(torch.tensor([[0.9, 0.5, 0.1]]), torch.tensor([[2, 1, 0]]), levels=2)
    tensor([0.])
    """
    count = related_items(scores, level).count(levels)
    relevance = level_relevance(count).to(scores.dtype)
    step, reached = SigmoidStep(tau), torch.zeros_like(scores[:, 0])
    for grade, items, rank in _ranked(scores, level, levels, step):
        mine = relevance[:, grade - 1 : grade]
        h_rank = mine / 2  # an item meets itself with sigmoid(0) = 1/2
        for other in range(1, levels + 1):
            rivals = scores.detach().masked_fill(level != other, -torch.inf)
            ahead = step_sums(scores, rivals, items, step)[0]
            h_rank = h_rank + torch.minimum(relevance[:, other - 1 : other], mine) * ahead
        reached = reached + (h_rank / rank.where(items.listed, 1) * items.listed).sum(dim=1)
    total = (count * relevance).sum(dim=1)
    return 1 - reached / total.where(total > 0, 1)


def smooth_ndcg(scores: Scores, level: Levels, levels: int, tau: Number = 0.01) -> Tensor:
    """Return 1 - `sum_k (2^l(k) - 1) / log2(1 + rank(k))` over its ideal, on smooth ranks.

    >>> smooth_ndcg(torch.tensor([[0.9, 0.5, 0.1]]), torch.tensor([[2, 1, 0]]), levels=2)
    tensor([0.])
    """
    gained = torch.zeros_like(scores[:, 0])
    for grade, items, rank in _ranked(scores, level, levels, SigmoidStep(tau)):
        discounted = (items.listed / torch.log2(1 + rank.where(items.listed, 1))).sum(dim=1)
        gained = gained + (2**grade - 1) * discounted
    ideal = ideal_dcg(related_items(scores, level).count(levels)).to(scores.dtype)
    return 1 - gained / ideal.where(ideal > 0, 1)


class SmoothHierarchicalLoss(HierarchicalLoss):
    """A graded loss on smooth ranks; `tau` is the sigmoid's temperature on cosine similarities."""

    def __init__(
        self, tau: Number = 0.01, *, query: str = "exclude", query_chunk: int | None = None
    ) -> None:
        super().__init__(query=query, query_chunk=query_chunk)
        check_positive(tau=tau)
        self.tau = tau


class SmoothHAP(SmoothHierarchicalLoss):
    """Mean of 1 - H-AP on smooth ranks; labels (N, levels), finest first."""

    def graded_values(self, scores: Scores, level: Levels, levels: int) -> Tensor:
        """Return 1 - smooth H-AP of each query."""
        return smooth_hap(scores, level, levels, self.tau)


class SmoothNDCG(SmoothHierarchicalLoss):
    """Mean of 1 - NDCG on smooth ranks; labels (N, levels), finest first."""

    def graded_values(self, scores: Scores, level: Levels, levels: int) -> Tensor:
        """Return 1 - smooth NDCG of each query."""
        return smooth_ndcg(scores, level, levels, self.tau)


def _ranked(
    scores: Scores, level: Levels, levels: int, step: SigmoidStep
) -> Iterator[tuple[int, Items, Float[Tensor, "query item"]]]:
    """Yield `(l, items, rank)` of the items of each level l = 1..levels."""
    related = related_items(scores, level)
    for grade in range(1, levels + 1):
        items = related.at(grade)
        yield grade, items, 0.5 + step_sums(scores, scores.detach(), items, step)[0]
