"""Smooth-AP: average precision with every step replaced by a sigmoid."""

import torch

from zoo.losses.checks import Number, check_positive
from zoo.losses.rank_loss import RankLoss
from zoo.ranking.positives import Items, PerQuery, Scores
from zoo.ranking.step_sums import step_sums
from zoo.ranking.steps import SigmoidStep


def smooth_ap(scores: Scores, items: Items, tau: Number = 0.01) -> PerQuery:
    """Return 1 - AP of each query, both ranks soft: an item meets itself with sigmoid(0) = 1/2.

    Brown et al., Smooth-AP, ECCV 2020, eq. 8.

    >>> items = Items(torch.tensor([[0, 2]]), torch.tensor([[True, True]]))
    >>> smooth_ap(torch.tensor([[3.0, 1.0, 2.0]]), items)
    tensor([0.])
    """
    step = SigmoidStep(tau)
    ahead, own = step_sums(scores, scores.detach(), items, step)
    pair = items.listed[:, :, None] & items.listed[:, None, :]
    gap = torch.where(pair, own[:, None, :] - own[:, :, None], -torch.inf)
    precision = (0.5 + torch.sigmoid(gap / tau).sum(dim=2)) / (0.5 + ahead)
    return 1 - (precision * items.listed).sum(dim=1) / items.listed.sum(dim=1).clamp(min=1)


class SmoothAP(RankLoss):
    """Mean of 1 - Smooth-AP; `tau` is the sigmoid's temperature on cosine similarities.

    Its gradient vanishes where a rival is more than about 10 tau ahead (zoo/ranking/README.md).
    """

    def __init__(
        self, tau: Number = 0.01, *, query: str = "exclude", query_chunk: int | None = None
    ) -> None:
        super().__init__(query=query, query_chunk=query_chunk)
        check_positive(tau=tau)
        self.tau = tau

    def values(self, scores: Scores, items: Items) -> PerQuery:
        """Return 1 - Smooth-AP of each query."""
        return smooth_ap(scores, items, self.tau)
