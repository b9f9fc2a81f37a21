"""The clustering loss of HAPPIER (normalised softmax): one learned proxy per finest class."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize

from zoo.losses.checks import Number, check_positive, check_whole
from zoo.losses.proxy_loss import ProxyLoss

CENTRE_TAU = 0.1


def cluster_proxy(
    embeddings: Float[Tensor, "item dim"],
    labels: Int[Tensor, " item"],
    proxies: Float[Tensor, "proxy dim"],
    tau: Number = 0.05,
    centres: int = 1,
) -> Float[Tensor, " item"]:
    """Return each item's cross-entropy of `v . w / (tau |w|)` over the proxies w.

    With several `centres` a class (consecutive rows of `proxies`), the class's logit is the
    mean similarity, weighted by its softmax at temperature 0.1 (Qian et al., SoftTriple, 2019).

    Zhai and Wu, Normalized Softmax, BMVC 2019; Ramzi et al., HAPPIER, ECCV 2022, eq. 10.

    >>> cluster_proxy(torch.eye(2), torch.tensor([0, 1]), torch.eye(2), tau=1.0)
    tensor([0.3133, 0.3133])
    """
    similarity = embeddings @ normalize(proxies).T
    if centres > 1:
        each = similarity.view(len(similarity), -1, centres)
        similarity = (each * torch.softmax(each / CENTRE_TAU, dim=2)).sum(dim=2)
    return cross_entropy(similarity / tau, labels, reduction="none")


class ClusterProxy(ProxyLoss):
    """Mean cross-entropy against `classes` proxies of dimension `dim`, at temperature `tau`.

    Labels are class numbers 0..classes - 1 at the finest level. Items are ranked against proxies,
    not against each other, so a gallery changes nothing. The published optimiser of the proxies
    is Adam at lr 10 (only their direction matters): give `proxies` its own parameter group. A class
    has `centres` proxies.
    """

    def __init__(self, classes: int, dim: int, tau: Number = 0.05, centres: int = 1) -> None:
        super().__init__(classes, dim)
        check_whole(centres=centres)
        check_positive(tau=tau)
        self.tau, self.centres = tau, centres
        self.proxies = nn.Parameter(torch.empty(classes * centres, dim).uniform_(-1, 1) / dim**0.5)

    def mean_of(self, points: Tensor, labels: Tensor) -> Tensor:
        """Return the mean cross-entropy."""
        proxies = self.proxies.to(points.dtype)
        return cluster_proxy(points, labels, proxies, self.tau, self.centres).mean()
