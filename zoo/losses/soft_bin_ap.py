"""SoftBin-AP: average precision of quantised similarities."""

from jaxtyping import Float
from torch import Tensor

from zoo.errors import UsageError
from zoo.losses.fast_ap import binned_ap
from zoo.losses.rank_loss import RankLoss
from zoo.ranking.positives import Items


class SoftBinAP(RankLoss):
    """Mean of 1 - AP over `bins` triangular bins centred from similarity 1 to -1.

    Revaud et al., Learning with Average Precision, ICCV 2019. Since triangular bins share each
    score wholly, `sum precision x recall increment` is FastAP's sum with `bins - 1` intervals.
    """

    def __init__(
        self, bins: int = 20, *, query: str = "exclude", query_chunk: int | None = None
    ) -> None:
        super().__init__(query=query, query_chunk=query_chunk)
        if bins < 2:
            raise UsageError(f"bins is {bins!r}", "bins must be at least 2")
        self.bins = bins

    def values(
        self, scores: Float[Tensor, "query gallery"], items: Items
    ) -> Float[Tensor, " query"]:
        """Return 1 - binned AP of each query."""
        return binned_ap(scores, items, self.bins - 1)
