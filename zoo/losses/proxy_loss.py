"""What losses between items and one learned proxy per class share: checks of both."""

from torch import Tensor

from zoo.errors import UsageError
from zoo.losses.checks import check_classes, check_whole
from zoo.losses.embedding_loss import EmbeddingLoss, Ranked, finest


class ProxyLoss(EmbeddingLoss):
    """A loss against `classes` proxies of dimension `dim`; a gallery changes nothing.

    Labels are class numbers 0..classes - 1 at the finest level. The proxies are parameters: give
    them to an optimiser.
    """

    def __init__(self, classes: int, dim: int) -> None:
        super().__init__()
        check_whole(classes=classes, dim=dim)
        self.classes, self.dim = classes, dim

    def mean_of(self, points: Tensor, labels: Tensor) -> Tensor:
        """Return the mean loss of (item, dim) points of whole-numbered classes."""
        raise NotImplementedError

    def value(self, batch: Ranked) -> Tensor:
        """Return the mean over the batch.

        Raises:
            UsageError: a label without a proxy, or embeddings of another dimension.
        """
        wanted = finest(batch.labels)
        check_classes(wanted, self.classes)
        if (width := batch.queries.shape[1]) != self.dim:
            raise UsageError(f"embeddings of dimension {width}", f"the proxies have dim={self.dim}")
        return self.mean_of(batch.queries, wanted.long())
