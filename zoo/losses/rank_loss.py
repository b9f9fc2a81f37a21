"""What every loss that is a mean over queries shares: checks, the query's own place, the sweep."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from zoo.losses.checks import (
    check_choice,
    check_embeddings,
    check_gallery,
    check_labels,
    check_positions,
    check_whole,
)
from zoo.ranking.positives import Items, positives
from zoo.ranking.sweep import Panels, RowLoss, sweep

QUERY_MODES = ("exclude", "positive", "rival")

# Scores held at once: 25 M float32 are 100 MB. A batch of up to 5000 is one square matrix, whose
# gradient then takes one product instead of two; a larger one is swept in panels.
PANEL = 25_000_000


@dataclass(frozen=True)
class Ranked:
    """Queries, what they rank, and each query's own column in it; no gallery: each other."""

    queries: Tensor
    labels: Tensor
    gallery: Tensor | None
    gallery_labels: Tensor
    own: Tensor | None

    @property
    def items(self) -> Tensor:
        """What is ranked, as constants."""
        return (self.queries if self.gallery is None else self.gallery).detach()


class RankLoss(nn.Module):
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

    def values(
        self, scores: Float[Tensor, "query gallery"], items: Items
    ) -> Float[Tensor, " query"]:
        """Return the loss of each query; a column scored `-inf` is no item of the ranking."""
        raise NotImplementedError

    def forward(
        self,
        embeddings: Tensor,
        labels: Tensor,
        gallery_embeddings: Tensor | None = None,
        gallery_labels: Tensor | None = None,
        positions: Tensor | None = None,
    ) -> Float[Tensor, ""]:
        """Return the mean loss of the queries that have a positive, or an exact 0 without any.

        `embeddings` are (N, D) and L2-normalised; `labels` are whole numbers, (N,) or (N, levels)
        with the finest level first. Without a gallery the queries rank each other. With one,
        `positions` gives each query's own column in it; left out, no query is in the gallery.

        Raises:
            UsageError: naming the argument, its value and what is allowed.
        """
        positions = checked_inputs(
            embeddings, labels, gallery_embeddings, gallery_labels, positions
        )
        with torch.autocast(embeddings.device.type, enabled=False):
            queries = full_precision(embeddings)
            gallery = None if gallery_embeddings is None else full_precision(gallery_embeddings)
            theirs = labels if gallery_labels is None else gallery_labels
            return self.mean_over(Ranked(queries, labels, gallery, theirs, positions), _itself)

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


def checked_inputs(
    embeddings: Tensor,
    labels: Tensor,
    gallery: Tensor | None = None,
    gallery_labels: Tensor | None = None,
    positions: Tensor | None = None,
) -> Tensor | None:
    """Check what a loss is called with; return each query's own column, if it has one."""
    check_embeddings("embeddings", embeddings)
    check_labels("labels", labels, embeddings)
    check_gallery(embeddings, labels, gallery, gallery_labels)
    if positions is not None:
        check_positions(positions, embeddings, gallery)
    elif gallery is None:
        positions = torch.arange(len(labels), device=labels.device)
    return positions


def finest(labels: Tensor) -> Tensor:
    """Return the labels of the finest level."""
    return labels if labels.ndim == 1 else labels[:, 0]


def _itself(count: Tensor) -> Tensor:
    return count


def full_precision(embeddings: Tensor) -> Tensor:
    """Half precision resolves scores to 0.0005 at best, 5 % of a temperature of 0.01."""
    return embeddings if embeddings.dtype == torch.float64 else embeddings.float()
