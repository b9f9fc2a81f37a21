"""RS@k: the Recall@k surrogate."""

from collections.abc import Sequence

import torch

from zoo.errors import UsageError
from zoo.losses.checks import Number, check_positive, checked_ks
from zoo.losses.rank_loss import RankLoss
from zoo.ranking.positives import Items, PerQuery, Scores
from zoo.ranking.step_sums import step_sums
from zoo.ranking.steps import SigmoidStep


def recall_at_k(
    scores: Scores,
    items: Items,
    ks: tuple[int, ...] = (1, 2, 4, 8, 16),
    tau_k: Number = 1.0,
    tau_rank: Number = 0.01,
    capped: bool = True,
) -> PerQuery:
    """Return 1 - the mean over `ks` of the soft Recall@k of each query.

    Patel et al., Recall@k Surrogate Loss, CVPR 2022, eq. 5: two sigmoids, one for the rank
    (`tau_rank`, on scores), one for `rank <= k` (`tau_k`, on ranks); the count is capped at k
    unless `capped` is false (SupRank's SmoothRecall).

    >>> items = Items(torch.tensor([[0]]), torch.tensor([[True]]))
    >>> recall_at_k(torch.tensor([[1.0, 0.0]]), items, ks=(1,))
    tensor([0.5000])
    """
    ahead, _ = step_sums(scores, scores.detach(), items, SigmoidStep(tau_rank))
    rank = 0.5 + ahead
    count = torch.tensor(ks, dtype=scores.dtype, device=scores.device)
    within = torch.sigmoid((count - rank[:, :, None]) / tau_k) * items.listed[:, :, None]
    found = items.listed.sum(dim=1, keepdim=True).clamp(min=1)
    reached = within.sum(dim=1)
    reached = torch.minimum(reached, count) if capped else reached
    return 1 - (reached / torch.minimum(found, count)).mean(dim=1)


class RecallAtK(RankLoss):
    """Mean of 1 - soft Recall@k over several k (RS@k).

    `tau_rank` softens the ranks, `tau_k` the threshold at k: a perfect ranking still pays
    `1 - sigmoid((k - rank) / tau_k)`, 0.5 at k = 1. `capped=False` lets the count of positives
    found exceed k (SupRank's SmoothRecall).
    """

    def __init__(
        self,
        ks: Sequence[int] = (1, 2, 4, 8, 16),
        tau_k: Number = 1.0,
        tau_rank: Number = 0.01,
        capped: bool = True,
        *,
        query: str = "exclude",
        query_chunk: int | None = None,
    ) -> None:
        super().__init__(query=query, query_chunk=query_chunk)
        check_positive(tau_k=tau_k, tau_rank=tau_rank)
        self.ks = checked_ks(ks)
        self.tau_k = tau_k
        self.tau_rank = tau_rank
        self.capped = capped

    def values(self, scores: Scores, items: Items) -> PerQuery:
        """Return 1 - soft Recall@k of each query."""
        if max(self.ks) > scores.shape[1]:
            raise UsageError(
                f"ks is {self.ks!r} and the gallery holds {scores.shape[1]} items",
                "every k must be at most the size of the gallery",
            )
        return recall_at_k(scores, items, self.ks, self.tau_k, self.tau_rank, self.capped)
