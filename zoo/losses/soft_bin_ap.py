"""SoftBin-AP: average precision of quantised similarities."""

from zoo.losses.checks import check_whole
from zoo.losses.fast_ap import binned_ap
from zoo.losses.rank_loss import RankLoss
from zoo.ranking.positives import Items, PerQuery, Scores


class SoftBinAP(RankLoss):
    """Mean of 1 - AP over `bins` triangular bins centred from similarity 1 to -1.

    Revaud et al., Learning with Average Precision, ICCV 2019. Since triangular bins share each
    score wholly, `sum precision x recall increment` is FastAP's sum with `bins - 1` intervals.
    """

    def __init__(
        self, bins: int = 20, *, query: str = "exclude", query_chunk: int | None = None
    ) -> None:
        super().__init__(query=query, query_chunk=query_chunk)
        check_whole(least=2, bins=bins)
        self.bins = bins

    def values(self, scores: Scores, items: Items) -> PerQuery:
        """Return 1 - binned AP of each query."""
        return binned_ap(scores, items, self.bins - 1)
