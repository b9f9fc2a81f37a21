"""SupAP: an upper bound of 1 - average precision (ROADMAP, SupRank)."""

from zoo.losses.checks import Number, check_finite, check_positive
from zoo.losses.mixup import with_mixed_positives
from zoo.losses.rank_loss import RankLoss
from zoo.ranking.exact import rank_among_items
from zoo.ranking.positives import Items, PerQuery, Scores
from zoo.ranking.step_sums import step_sums, without_items
from zoo.ranking.steps import SupRankStep

PUBLISHED = SupRankStep()


def sup_ap(scores: Scores, items: Items, step: SupRankStep = PUBLISHED) -> PerQuery:
    """Return 1 - SupAP of each query: exact rank among positives, surrogate count of negatives.

    Ramzi et al., ROADMAP, NeurIPS 2021, eq. 5. Positives receive gradient only through the
    negatives around them: no positive is ever pushed down to let another pass.

    >>> import torch
    >>> items = Items(torch.tensor([[0]]), torch.tensor([[True]]))
    >>> sup_ap(torch.tensor([[0.9, 0.2]]), items)
    tensor([0.])
    """
    negatives, own = step_sums(scores, without_items(scores, items), items, step)
    rank_plus = rank_among_items(own, items)
    precision = rank_plus / (rank_plus + negatives).where(items.listed, 1)
    return 1 - (precision * items.listed).sum(dim=1) / items.listed.sum(dim=1).clamp(min=1)


class SupRankLoss(RankLoss):
    """A rank loss built on SupRank's step: its five parameters, checked."""

    def __init__(
        self,
        tau: Number = 0.01,
        rho: Number = 100.0,
        delta: Number = 0.05,
        start: Number = 0.5,
        offset: Number | None = 1.44,
        *,
        query: str = "exclude",
        query_chunk: int | None = None,
    ) -> None:
        super().__init__(query=query, query_chunk=query_chunk)
        check_positive(tau=tau, rho=rho, delta=delta)
        check_finite(start=start, **({} if offset is None else {"offset": offset}))
        self.step = SupRankStep(tau, rho, delta, start, offset)


class SupAP(SupRankLoss):
    """Mean of 1 - SupAP.

    `tau`: temperature below the item; `delta`: where the line takes over; `rho`: its slope, the
    gradient of a far mistake; `start`: jump at 0 that makes it an upper bound; `offset`: where the
    line starts (`None`: continuous). iNaturalist's published setting is `start=0, offset=1`.
    `mix_positives` adds virtual positives between those of each query, in training mode
    (`zoo.losses.mixup`; off in every published configuration).
    """

    def __init__(
        self,
        tau: Number = 0.01,
        rho: Number = 100.0,
        delta: Number = 0.05,
        start: Number = 0.5,
        offset: Number | None = 1.44,
        mix_positives: bool = False,
        *,
        query: str = "exclude",
        query_chunk: int | None = None,
    ) -> None:
        super().__init__(tau, rho, delta, start, offset, query=query, query_chunk=query_chunk)
        self.mix_positives = mix_positives

    def values(self, scores: Scores, items: Items) -> PerQuery:
        """Return 1 - SupAP of each query."""
        if self.mix_positives and self.training:
            scores, items = with_mixed_positives(scores, items)
        return sup_ap(scores, items, self.step)
