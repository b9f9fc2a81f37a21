"""What every loss that is a mean over queries shares: checks, the query's own place, the sweep."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from zoo.errors import UsageError
from zoo.losses.checks import check_choice, check_embeddings, check_labels, check_positive
from zoo.ranking.positives import Items, positives
from zoo.ranking.sweep import sweep

QUERY_MODES = ("exclude", "positive", "rival")

# Elements of one chunk of scores: 1 M float32 are 4 MB, so that a chunk's buffers stay in cache.
CHUNK = 1_000_000


class RankLoss(nn.Module):
    """A loss of one ranking per query, averaged over the queries that have a positive.

    `query` says whether the query is an item of its own ranking (zoo/ranking/README.md):
    `"exclude"` no; `"positive"` yes, as one more positive (Smooth-AP's and SupRank's code);
    `"rival"` never a positive, yet counted in every other item's rank (RS@k's code).
    `query_chunk` is how many queries are scored at once; memory grows with chunk x gallery.
    """

    def __init__(self, *, query: str = "exclude", query_chunk: int | None = None) -> None:
        super().__init__()
        check_choice("query", query, QUERY_MODES)
        if query_chunk is not None:
            check_positive(query_chunk=query_chunk)
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
        _check(embeddings, labels, gallery_embeddings, gallery_labels)
        with torch.autocast(embeddings.device.type, enabled=False):
            queries = _full_precision(embeddings)
            gallery = None if gallery_embeddings is None else _full_precision(gallery_embeddings)
            if gallery_labels is None:
                gallery_labels = labels
                positions = torch.arange(len(labels), device=labels.device)
            return self._mean(queries, labels, gallery, gallery_labels, positions)

    def _mean(
        self,
        queries: Tensor,
        labels: Tensor,
        gallery: Tensor | None,
        gallery_labels: Tensor,
        own: Tensor | None,
    ) -> Tensor:
        apart = None if self.query == "positive" else own
        items = positives(_finest(labels), _finest(gallery_labels), own=apart)
        valid = items.listed.any(dim=1)
        weights = valid.to(queries.dtype) / valid.sum().clamp(min=1)
        hidden = own if self.query == "exclude" else None
        chunk = self.query_chunk or max(1, CHUNK // len(gallery_labels))
        return sweep(
            queries, gallery, lambda s, rows: self.values(s, items[rows]), weights, hidden, chunk
        )


def _finest(labels: Tensor) -> Tensor:
    return labels if labels.ndim == 1 else labels[:, 0].contiguous()


def _full_precision(embeddings: Tensor) -> Tensor:
    """Half precision resolves scores to 0.0005 at best, 5 % of a temperature of 0.01."""
    return embeddings if embeddings.dtype == torch.float64 else embeddings.float()


def _check(
    embeddings: Tensor, labels: Tensor, gallery: Tensor | None, gallery_labels: Tensor | None
) -> None:
    check_embeddings("embeddings", embeddings)
    check_labels("labels", labels, embeddings)
    if (gallery is None) != (gallery_labels is None):
        raise UsageError(
            "gallery_embeddings and gallery_labels go together", "pass both, or neither"
        )
    if gallery is None or gallery_labels is None:
        return
    check_embeddings("gallery_embeddings", gallery)
    check_labels("gallery_labels", gallery_labels, gallery)
    if gallery.shape[1] != embeddings.shape[1] or gallery_labels.shape[1:] != labels.shape[1:]:
        raise UsageError(
            f"gallery of shapes {tuple(gallery.shape)} and {tuple(gallery_labels.shape)}",
            f"it must match queries of shapes {tuple(embeddings.shape)}, {tuple(labels.shape)}",
        )
