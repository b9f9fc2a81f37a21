"""Sup-NDCG: NDCG on SupRank's ranks."""

import torch
from jaxtyping import Int
from torch import Tensor

from zoo.device import widest
from zoo.losses.hierarchical import HierarchicalLoss
from zoo.losses.sup_ap import PUBLISHED, SupRankLoss
from zoo.ranking.levels import related_items, sup_ranks
from zoo.ranking.positives import Levels, PerQuery, Scores
from zoo.ranking.steps import SupRankStep


def sup_ndcg(scores: Scores, level: Levels, levels: int, step: SupRankStep = PUBLISHED) -> PerQuery:
    """Return 1 - `sum_k (2^l(k) - 1) / log2(1 + rank(k))` over its ideal.

    Ramzi et al., SupRank, TPAMI 2025.

    >>> sup_ndcg(torch.tensor([[0.9, 0.5, 0.1]]), torch.tensor([[2, 1, 0]]), levels=2)
    tensor([0.])
    """
    related = related_items(scores, level)
    gained = torch.zeros_like(scores[:, 0])
    for relevance, items, rank, _ in sup_ranks(scores, levels, related, step):
        discounted = (items.listed / torch.log2(1 + rank.where(items.listed, 1))).sum(dim=1)
        gained = gained + (2**relevance - 1) * discounted
    ideal = ideal_dcg(related.count(levels)).to(scores.dtype)
    return 1 - gained / ideal.where(ideal > 0, 1)


def ideal_dcg(count: Int[Tensor, "query level"]) -> PerQuery:
    """Return the DCG of the best order, from how many items there are of each level 1..L.

    >>> ideal_dcg(torch.tensor([[1, 0], [0, 1]]))
    tensor([1., 3.], dtype=torch.float64)
    """
    best_first = count.flip(1)
    last = best_first.cumsum(dim=1)
    places = torch.arange(1, int(last.max()) + 1, device=count.device, dtype=widest(count.device))
    discounts = torch.nn.functional.pad((1 / torch.log2(1 + places)).cumsum(0), (1, 0))
    gains = 2.0 ** torch.arange(count.shape[1], 0, -1, device=count.device) - 1
    return ((discounts[last] - discounts[last - best_first]) * gains).sum(dim=1)


class SupNDCG(HierarchicalLoss, SupRankLoss):
    """Mean of 1 - Sup-NDCG; labels (N, levels), finest first; the step's parameters are SupAP's."""

    def graded_values(self, scores: Scores, level: Levels, levels: int) -> PerQuery:
        """Return 1 - Sup-NDCG of each query."""
        return sup_ndcg(scores, level, levels, self.step)
