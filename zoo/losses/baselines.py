"""Pair and proxy losses of pytorch-metric-learning behind our interface, to compare against."""

from importlib import import_module
from typing import Any

import torch
from torch import Tensor, nn

from zoo.errors import UsageError
from zoo.losses.checks import Number, check_finite, check_positive
from zoo.losses.embedding_loss import EmbeddingLoss, Ranked, finest
from zoo.losses.proxy_loss import ProxyLoss


def metric_learning_loss(name: str, **arguments: Any) -> nn.Module:
    """Build a loss of pytorch-metric-learning by its class name.

    Raises:
        UsageError: without the package.
    """
    try:
        losses = import_module("pytorch_metric_learning.losses")
    except ModuleNotFoundError as error:
        raise UsageError(
            f"{name} needs pytorch-metric-learning", "pip install 'rankzoo[all]'"
        ) from error
    loss: nn.Module = getattr(losses, name)(**arguments)
    return loss


class PairBaseline(EmbeddingLoss):
    """A loss over pairs or triplets: queries against themselves, or against a gallery."""

    def __init__(self, name: str, **arguments: Any) -> None:
        super().__init__()
        self.loss = metric_learning_loss(name, **arguments)

    def value(self, batch: Ranked) -> Tensor:
        """Return the package's loss; each query's own column makes no pair."""
        classes = finest(batch.labels)
        if batch.gallery is None:
            value: Tensor = self.loss(batch.queries, classes)
            return value
        theirs = finest(batch.gallery_labels)
        pairs = _pairs(classes, theirs, batch.own)
        across: Tensor = self.loss(batch.queries, classes, pairs, batch.gallery, theirs)
        return across


class ProxyBaseline(ProxyLoss):
    """A loss between items and proxies."""

    def __init__(self, name: str, classes: int, dim: int, **arguments: Any) -> None:
        super().__init__(classes, dim)
        self.loss = metric_learning_loss(name, num_classes=classes, embedding_size=dim, **arguments)

    def mean_of(self, points: Tensor, labels: Tensor) -> Tensor:
        """Return the package's loss."""
        value: Tensor = self.loss(points, labels)
        return value


class Contrastive(PairBaseline):
    """Contrastive loss: cosines of positives above `positive`, of negatives below `negative`."""

    def __init__(self, positive: Number = 1.0, negative: Number = 0.5) -> None:
        check_finite(positive=positive, negative=negative)
        super().__init__(
            "ContrastiveLoss", pos_margin=positive, neg_margin=negative, distance=_cosine()
        )


class Triplet(PairBaseline):
    """Triplet loss over every triplet of the batch, on cosines."""

    def __init__(self, margin: Number = 0.1) -> None:
        check_finite(margin=margin)
        super().__init__("TripletMarginLoss", margin=margin, distance=_cosine())


class MultiSimilarity(PairBaseline):
    """Multi-similarity loss (Wang et al., CVPR 2019) over every pair, without its miner."""

    def __init__(self, alpha: Number = 2.0, beta: Number = 50.0, base: Number = 0.5) -> None:
        check_finite(alpha=alpha, beta=beta, base=base)
        super().__init__("MultiSimilarityLoss", alpha=alpha, beta=beta, base=base)


class ArcFace(ProxyBaseline):
    """ArcFace (Deng et al., CVPR 2019): angular `margin` in degrees, logits times `scale`."""

    def __init__(self, classes: int, dim: int, margin: Number = 28.6, scale: Number = 64.0) -> None:
        check_finite(margin=margin, scale=scale)
        super().__init__("ArcFaceLoss", classes, dim, margin=margin, scale=scale)


class ProxyAnchor(ProxyBaseline):
    """Proxy-Anchor (Kim et al., CVPR 2020)."""

    def __init__(self, classes: int, dim: int, margin: Number = 0.1, alpha: Number = 32.0) -> None:
        check_finite(margin=margin, alpha=alpha)
        super().__init__("ProxyAnchorLoss", classes, dim, margin=margin, alpha=alpha)


class ProxyNCA(ProxyBaseline):
    """ProxyNCA++ (Teh et al., ECCV 2020): softmax over squared distances to all proxies.

    Embeddings and normalised proxies are both multiplied by `scale`; the proxies start at
    N(0, 1) / 8.
    """

    def __init__(self, classes: int, dim: int, scale: Number = 3.0) -> None:
        check_positive(scale=scale)
        super().__init__("ProxyNCALoss", classes, dim, softmax_scale=scale**2)
        with torch.no_grad():
            self.loss.proxies.normal_().div_(8)  # type: ignore[operator]


def _cosine() -> Any:
    distances = import_module("pytorch_metric_learning.distances")
    return distances.DotProductSimilarity(normalize_embeddings=False)


def _pairs(
    labels: Tensor, gallery_labels: Tensor, own: Tensor | None
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return (anchors, positives, anchors, negatives) as the package wants them."""
    same = labels[:, None] == gallery_labels
    other = ~same
    if own is not None:
        present = (own >= 0).nonzero()[:, 0]
        same[present, own[present]] = False
    (anchors, positives), (rivals_of, rivals) = same.nonzero().T, other.nonzero().T
    return anchors, positives, rivals_of, rivals
