"""What every loss of embeddings and labels shares: how it is called, checks, full precision."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from zoo.losses.checks import check_embeddings, check_gallery, check_labels, check_positions


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


class EmbeddingLoss(nn.Module):
    """A loss of embeddings and labels: of the queries among themselves, or against a gallery."""

    decomposes = False  # whether it is a weighted sum over queries, which processes can share out

    def value(self, batch: Ranked) -> Tensor:
        """Return the loss of checked embeddings in full precision."""
        raise NotImplementedError

    def forward(
        self,
        embeddings: Tensor,
        labels: Tensor,
        gallery_embeddings: Tensor | None = None,
        gallery_labels: Tensor | None = None,
        positions: Tensor | None = None,
    ) -> Tensor:
        """Return the loss of a batch.

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
            return self.value(Ranked(queries, labels, gallery, theirs, positions))


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


def full_precision(embeddings: Tensor) -> Tensor:
    """Half precision resolves scores to 0.0005 at best, 5 % of a temperature of 0.01."""
    return embeddings if embeddings.dtype == torch.float64 else embeddings.float()
