"""What every loss that is a mean over queries shares: the query's own place, the sweep."""

from collections.abc import Callable

from jaxtyping import Float
from torch import Tensor

from zoo.losses.checks import check_choice, check_whole
from zoo.losses.embedding_loss import EmbeddingLoss, Ranked, finest
from zoo.ranking.positives import Items, PerQuery, Scores, positives
from zoo.ranking.sweep import Panels, RowLoss, sweep

QUERY_MODES = ("exclude", "positive", "rival")

# Scores held at once: 25 M float32 are 100 MB. A batch of up to 5000 is one square matrix, whose
# gradient then takes one product instead of two; a larger one is swept in panels.
PANEL = 25_000_000


class RankLoss(EmbeddingLoss):
    """A loss of one ranking per query, averaged over the queries that have a positive.

    `query` says whether the query is an item of its own ranking (zoo/ranking/README.md):
    `"exclude"` no; `"positive"` yes, as one more positive (Smooth-AP's and SupRank's code);
    `"rival"` never a positive, yet counted in every other item's rank (RS@k's code).
    `query_chunk` is how many queries are scored at once; memory grows with chunk x gallery.
    """

    decomposes = True  # a weighted sum over queries: processes can share the queries out

    def __init__(self, *, query: str = "exclude", query_chunk: int | None = None) -> None:
        super().__init__()
        check_choice("query", query, QUERY_MODES)
        if query_chunk is not None:
            check_whole(query_chunk=query_chunk)
        self.query = query
        self.query_chunk = query_chunk

    def values(self, scores: Scores, items: Items) -> PerQuery:
        """Return the loss of each query; a column scored `-inf` is no item of the ranking."""
        raise NotImplementedError

    def value(self, batch: Ranked) -> Float[Tensor, ""]:
        """Return the mean loss of the queries that have a positive, or an exact 0 without any."""
        return self.mean_over(batch, _itself)

    def mean_over(self, batch: Ranked, count_of: Callable[[Tensor], Tensor]) -> Tensor:
        """Return the sum of the queries' losses over `count_of(how many have a positive)`.

        The step below the checks: `count_of` is where other processes add their queries
        (zoo/losses/distributed.py).
        """
        row_loss, valid = self.rankings(batch.labels, batch.gallery_labels, batch.own)
        count = count_of(valid.sum()).clamp(min=1)
        weights = valid.to(batch.queries.dtype) / count
        return sweep(batch.queries, batch.gallery, row_loss, weights, self.panels(batch))

    def panels(self, batch: Ranked) -> Panels:
        """Return the scores, a chunk of queries at a time, without what is no item of a ranking."""
        hidden = batch.own if self.query == "exclude" else None
        chunk = self.query_chunk or max(1, PANEL // len(batch.gallery_labels))
        return Panels(batch.queries.detach(), batch.items, hidden, chunk)

    def rankings(
        self, labels: Tensor, gallery_labels: Tensor, own: Tensor | None
    ) -> tuple[RowLoss, Tensor]:
        """Return the loss of a chunk of scores, and which queries have a positive."""
        apart = None if self.query == "positive" else own
        items = positives(finest(labels), finest(gallery_labels), own=apart)
        return lambda scores, rows: self.values(scores, items[rows]), items.listed.any(dim=1)


def _itself(count: Tensor) -> Tensor:
    return count
