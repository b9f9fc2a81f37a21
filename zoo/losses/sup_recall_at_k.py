"""SupRecall@k: soft Recall@k on SupRank's ranks."""

from collections.abc import Sequence

import torch

from zoo.errors import UsageError
from zoo.losses.checks import Number, check_positive, checked_ks
from zoo.losses.sup_ap import PUBLISHED, SupRankLoss
from zoo.ranking.exact import rank_among_items
from zoo.ranking.positives import Items, PerQuery, Scores
from zoo.ranking.step_sums import step_sums, without_items
from zoo.ranking.steps import SupRankStep


def sup_recall_at_k(
    scores: Scores,
    items: Items,
    ks: tuple[int, ...] = (1, 2, 4, 8, 16),
    tau_k: Number = 1.0,
    step: SupRankStep = PUBLISHED,
) -> PerQuery:
    """Return 1 - the mean over `ks` of `sum_p sigmoid((k - rank_p) / tau_k) / min(P, k)`.

    Ramzi et al., SupRank, TPAMI 2025. Unlike RS@k the sum is not capped at k, so a query with
    several positives can score above 1 at k = 1.

    >>> items = Items(torch.tensor([[0]]), torch.tensor([[True]]))
    >>> sup_recall_at_k(torch.tensor([[1.0, 0.0]]), items, ks=(1,))
    tensor([0.5000])
    """
    negatives, own = step_sums(scores, without_items(scores, items), items, step)
    rank = rank_among_items(own, items) + negatives
    count = torch.tensor(ks, dtype=scores.dtype, device=scores.device)
    within = torch.sigmoid((count - rank[:, :, None]) / tau_k) * items.listed[:, :, None]
    found = items.listed.sum(dim=1, keepdim=True).clamp(min=1)
    return 1 - (within.sum(dim=1) / torch.minimum(found, count)).mean(dim=1)


class SupRecallAtK(SupRankLoss):
    """Mean of 1 - SupRecall@k over several k; the step's parameters are SupAP's."""

    def __init__(
        self,
        ks: Sequence[int] = (1, 2, 4, 8, 16),
        tau_k: Number = 1.0,
        tau: Number = 0.01,
        rho: Number = 100.0,
        delta: Number = 0.05,
        start: Number = 0.5,
        offset: Number | None = 1.44,
        *,
        query: str = "exclude",
        query_chunk: int | None = None,
    ) -> None:
        super().__init__(tau, rho, delta, start, offset, query=query, query_chunk=query_chunk)
        check_positive(tau_k=tau_k)
        self.ks = checked_ks(ks)
        self.tau_k = tau_k

    def values(self, scores: Scores, items: Items) -> PerQuery:
        """Return 1 - SupRecall@k of each query."""
        if min(self.ks) > scores.shape[1]:  # the published 16 may exceed a small batch: no harm
            raise UsageError(
                f"ks is {self.ks!r} and the gallery holds {scores.shape[1]} items",
                "some k must be at most the size of the gallery",
            )
        return sup_recall_at_k(scores, items, self.ks, self.tau_k, self.step)
