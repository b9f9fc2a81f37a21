"""What losses between items and one learned proxy per class share: checks, and full precision."""

import torch
from torch import Tensor, nn

from zoo.errors import UsageError
from zoo.losses.checks import check_classes, check_whole
from zoo.losses.rank_loss import checked_inputs, finest, full_precision


class ProxyLoss(nn.Module):
    """A loss against `classes` proxies of dimension `dim`; a gallery changes nothing.

    Labels are class numbers 0..classes - 1 at the finest level. The proxies are parameters: give
    them to an optimiser.
    """

    decomposes = False

    def __init__(self, classes: int, dim: int) -> None:
        super().__init__()
        check_whole(classes=classes, dim=dim)
        self.classes, self.dim = classes, dim

    def mean_of(self, points: Tensor, labels: Tensor) -> Tensor:
        """Return the mean loss of (item, dim) points of whole-numbered classes."""
        raise NotImplementedError

    def forward(
        self,
        embeddings: Tensor,
        labels: Tensor,
        gallery_embeddings: Tensor | None = None,
        gallery_labels: Tensor | None = None,
        positions: Tensor | None = None,
    ) -> Tensor:
        """Return the mean over the batch.

        Raises:
            UsageError: also for a label without a proxy, or embeddings of another dimension.
        """
        checked_inputs(embeddings, labels, gallery_embeddings, gallery_labels, positions)
        wanted = finest(labels)
        check_classes(wanted, self.classes)
        if embeddings.shape[1] != self.dim:
            raise UsageError(
                f"embeddings of dimension {embeddings.shape[1]}", f"the proxies have dim={self.dim}"
            )
        with torch.autocast(embeddings.device.type, enabled=False):
            return self.mean_of(full_precision(embeddings), wanted.long())
