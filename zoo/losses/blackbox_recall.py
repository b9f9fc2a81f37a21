"""RaMBO's recall loss: the exact number of negatives above each positive, blackbox gradient."""

from collections.abc import Callable

import torch
from torch import Tensor

from zoo.losses.blackbox_ap import BlackboxLoss, set_back
from zoo.losses.checks import Number, check_choice
from zoo.ranking.positives import Items, PerQuery, Scores

WEIGHTINGS: dict[str, Callable[[Tensor], Tensor]] = {
    "log": torch.log1p,
    "loglog": lambda negatives: torch.log1p(torch.log1p(negatives)),
}


def blackbox_recall(
    scores: Scores,
    items: Items,
    lam: Number = 4.0,
    margin: Number = 0.02,
    weighting: str = "loglog",
) -> PerQuery:
    """Return the mean over positives of `ell(negatives ranked above it)`.

    Rolinek et al., RaMBO, CVPR 2020, eq. 10-12: `log(1 + r)` is the sum of the Recall@k losses
    weighted by 1/k, `log(1 + log(1 + r))` by 1 / (k log k).

    >>> items = Items(torch.tensor([[0]]), torch.tensor([[True]]))
    >>> blackbox_recall(torch.tensor([[0.5, 0.9]]), items, weighting="log")
    tensor([0.6931])
    """
    ranks, among = set_back(scores, items, lam, margin)
    negatives = (ranks - among).clamp(min=0).where(items.listed, 0)
    return WEIGHTINGS[weighting](negatives).sum(dim=1) / items.listed.sum(dim=1).clamp(min=1)


class BlackboxRecall(BlackboxLoss):
    """Mean RaMBO recall loss; `weighting` is `"log"` or `"loglog"`."""

    def __init__(
        self,
        lam: Number = 4.0,
        margin: Number = 0.02,
        weighting: str = "loglog",
        memory: int = 0,
        *,
        query: str = "exclude",
        query_chunk: int | None = None,
    ) -> None:
        super().__init__(lam, margin, memory, query=query, query_chunk=query_chunk)
        check_choice("weighting", weighting, tuple(WEIGHTINGS))
        self.weighting = weighting

    def values(self, scores: Scores, items: Items) -> PerQuery:
        """Return the recall loss of each query."""
        return blackbox_recall(scores, items, self.lam, self.margin, self.weighting)
