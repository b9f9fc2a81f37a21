"""Blackbox AP: exact average precision, blackbox gradient."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from zoo.errors import UsageError
from zoo.losses.checks import Number, check_finite, check_positive, check_whole
from zoo.losses.embedding_loss import Ranked
from zoo.losses.rank_loss import RankLoss
from zoo.ranking.blackbox import blackbox_item_ranks
from zoo.ranking.exact import count_ranked, rank_among_items
from zoo.ranking.positives import Items, PerQuery, Scores


def set_back(
    scores: Scores, items: Items, lam: Number, margin: Number
) -> tuple[Float[Tensor, "query item"], Float[Tensor, "query item"]]:
    """Return the positives' ranks with all of them set back by the margin, and among themselves.

    Without a margin a ranking is perfect, and its gradient 0, with all scores nearly equal. `lam`
    is the published one, for ranks divided by the number of items in a ranking.
    """
    size = count_ranked(scores).clamp(min=1)
    ranks = blackbox_item_ranks(scores, items, lam * size, margin)
    own = scores.detach().gather(1, items.columns).masked_fill(~items.listed, torch.inf)
    return ranks, rank_among_items(own, items)


def blackbox_ap(scores: Scores, items: Items, lam: Number = 4.0, margin: Number = 0.02) -> PerQuery:
    """Return 1 - the exact AP of each query, its positives set back by `margin`.

    Rolinek et al., RaMBO, CVPR 2020, eq. 7. The rank among positives is a constant: exchanging
    two positives leaves AP as it is.

    >>> items = Items(torch.tensor([[0]]), torch.tensor([[True]]))
    >>> blackbox_ap(torch.tensor([[0.5, 0.9]]), items)
    tensor([0.5000])
    """
    ranks, among = set_back(scores, items, lam, margin)
    precision = among / ranks.where(items.listed, 1)
    return 1 - (precision * items.listed).sum(dim=1) / items.listed.sum(dim=1).clamp(min=1)


class BlackboxLoss(RankLoss):
    """A loss on blackbox ranks: lambda, margin, and a memory of past batches.

    `lam` is the published lambda, for ranks divided by the number of ranked items. The loss
    perturbs scores by its own gradient before any loss scale is applied, so a GradScaler or a
    loss weight changes nothing but the scale. `memory` batches of past queries join the mean.
    """

    totals: Tensor
    counts: Tensor

    def __init__(
        self,
        lam: Number = 4.0,
        margin: Number = 0.02,
        memory: int = 0,
        *,
        query: str = "exclude",
        query_chunk: int | None = None,
    ) -> None:
        super().__init__(query=query, query_chunk=query_chunk)
        check_positive(lam=lam)
        check_finite(margin=margin)
        check_whole(least=0, memory=memory)
        if margin < 0:
            raise UsageError(f"margin is {margin!r}", "margin must be at least 0")
        self.lam, self.margin = lam, margin
        self.decomposes = memory == 0
        # Past scores are constants, so a batch's sum and number of queries say all of it.
        self.register_buffer("totals", torch.zeros(memory))
        self.register_buffer("counts", torch.zeros(memory))

    def mean_over(self, batch: Ranked, count_of: Callable[[Tensor], Tensor]) -> Tensor:
        """Return the mean over this batch's queries and the remembered ones."""
        if self.decomposes or not self.training:
            return super().mean_over(batch, count_of)
        fresh: list[Tensor] = []

        def count_with_memory(valid: Tensor) -> Tensor:
            fresh.append(count_of(valid))
            return fresh[0] + self.counts.sum()

        mean = super().mean_over(batch, count_with_memory)
        count = (fresh[0] + self.counts.sum()).clamp(min=1)
        remembered = (self.totals.sum() / count).to(mean.dtype)
        self.totals = torch.cat([self.totals[1:], (mean.detach() * count).to(self.totals)[None]])
        self.counts = torch.cat([self.counts[1:], fresh[0].to(self.counts)[None]])
        return mean + remembered


class BlackboxAP(BlackboxLoss):
    """Mean of 1 - exact AP with blackbox gradients (RaMBO)."""

    def values(self, scores: Scores, items: Items) -> PerQuery:
        """Return 1 - AP of each query."""
        return blackbox_ap(scores, items, self.lam, self.margin)
