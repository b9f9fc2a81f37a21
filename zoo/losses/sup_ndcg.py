"""Sup-NDCG: NDCG on SupRank's ranks."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from zoo.losses.hierarchical import HierarchicalLoss
from zoo.losses.sup_ap import PUBLISHED
from zoo.ranking.levels import sup_ranks
from zoo.ranking.steps import SupRankStep


def sup_ndcg(
    scores: Float[Tensor, "query gallery"],
    level: Int[Tensor, "query gallery"],
    levels: int,
    step: SupRankStep = PUBLISHED,
) -> Float[Tensor, " query"]:
    """Return 1 - `sum_k (2^l(k) - 1) / log2(1 + rank(k))` over its ideal.

    Ramzi et al., SupRank, TPAMI 2025.

    >>> sup_ndcg(torch.tensor([[0.9, 0.5, 0.1]]), torch.tensor([[2, 1, 0]]), levels=2)
    tensor([0.])
    """
    gained = torch.zeros_like(scores[:, 0])
    for relevance, items, rank, _ in sup_ranks(scores, level, levels, step):
        discounted = (items.listed / torch.log2(1 + rank.where(items.listed, 1))).sum(dim=1)
        gained = gained + (2**relevance - 1) * discounted
    best = (2.0 ** level.clamp(min=0) - 1).to(scores.dtype).sort(dim=1, descending=True).values
    places = torch.arange(1, scores.shape[1] + 1, device=scores.device, dtype=scores.dtype)
    ideal = (best / torch.log2(1 + places)).sum(dim=1)
    return 1 - gained / ideal.where(ideal > 0, 1)


class SupNDCG(HierarchicalLoss):
    """Mean of 1 - Sup-NDCG; labels (N, levels), finest first; the step's parameters are SupAP's."""

    def graded_values(
        self,
        scores: Float[Tensor, "query gallery"],
        level: Int[Tensor, "query gallery"],
        levels: int,
    ) -> Float[Tensor, " query"]:
        """Return 1 - Sup-NDCG of each query."""
        return sup_ndcg(scores, level, levels, self.step)
