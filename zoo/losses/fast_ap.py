"""FastAP: average precision of a soft histogram of distances."""

import torch
from jaxtyping import Float
from torch import Tensor

from zoo.losses.checks import check_whole
from zoo.losses.rank_loss import RankLoss
from zoo.ranking.positives import Items, PerQuery, Scores
from zoo.ranking.step_sums import threshold_sums
from zoo.ranking.steps import RampStep


def cumulated_histogram(scores: Scores, bins: int) -> Float[Tensor, "query edge"]:
    """Return how many scores lie at each of `bins + 1` edges from 1 to -1, or before it.

    A score is shared between the two nearest edges in proportion to its distance, so the count
    up to an edge falls from whole to nothing between it and the next. `-inf` counts nowhere.

    >>> cumulated_histogram(torch.tensor([[1.0, 0.25, -torch.inf]]), bins=2)
    tensor([[1.2500, 2.0000, 2.0000]])
    """
    width = 2 / bins
    next_edges = 1 - width * torch.arange(1, bins + 2, dtype=scores.dtype, device=scores.device)
    return threshold_sums(scores, next_edges, RampStep(width))


def binned_ap(scores: Scores, items: Items, bins: int = 10) -> PerQuery:
    """Return 1 - `sum_l h+_l H+_l / H_l / P` over `bins + 1` triangular bins (H: cumulated h).

    Cakir et al., FastAP, CVPR 2019, eq. 9, with squared distances `2 - 2 s` in [0, 4].

    >>> items = Items(torch.tensor([[0]]), torch.tensor([[True]]))
    >>> binned_ap(torch.tensor([[1.0, -1.0]]), items)
    tensor([0.])
    """
    own = scores.gather(1, items.columns).masked_fill(~items.listed, -torch.inf)
    positive = cumulated_histogram(own, bins)
    everything = cumulated_histogram(scores, bins)
    precision = positive / everything.where(everything > 0, 1)
    increment = torch.diff(positive, dim=1, prepend=torch.zeros_like(positive[:, :1]))
    return 1 - (increment * precision).sum(dim=1) / items.listed.sum(dim=1).clamp(min=1)


class FastAP(RankLoss):
    """Mean of 1 - FastAP with `bins` bins over squared distances in [0, 4]."""

    def __init__(
        self, bins: int = 10, *, query: str = "exclude", query_chunk: int | None = None
    ) -> None:
        super().__init__(query=query, query_chunk=query_chunk)
        check_whole(bins=bins)
        self.bins = bins

    def values(self, scores: Scores, items: Items) -> PerQuery:
        """Return 1 - FastAP of each query."""
        return binned_ap(scores, items, self.bins)
