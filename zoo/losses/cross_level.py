"""CSL, the cross-level proxy loss of dynamic metric learning: one margin per label level."""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import normalize, softplus

from zoo.errors import UsageError
from zoo.losses.checks import Number, check_finite, check_positive
from zoo.losses.proxy_loss import ProxyLoss


def cross_level(
    cosines: Float[Tensor, "item proxy"],
    labels: Int[Tensor, " item"],
    tree: Int[Tensor, "proxy level"],
    margins: Sequence[Number],
    scale: Number = 32.0,
) -> Float[Tensor, " item"]:
    """Return, summed over levels, `softplus(logsumexp_n(scale s_n) - scale s_p + scale m_l)`.

    Sun et al., Dynamic Metric Learning, CVPR 2021: `s_p` is the cosine to the item's own proxy,
    `s_n` run over the proxies of another class at level l. `tree` holds each proxy's class at each
    level, finest first (-1: no item has it, so it is no negative).

    >>> cross_level(torch.tensor([[1.0, 0.0]]), torch.tensor([0]), torch.tensor([[0], [1]]), [0.0])
    tensor([1.2664e-14])
    """
    own = cosines.gather(1, labels[:, None])[:, 0]
    total = torch.zeros_like(own)
    for classes, margin in zip(tree.T, margins, strict=True):
        negative = (classes != classes[labels][:, None]) & (classes >= 0)
        some = negative.any(dim=1)
        rivals = (scale * cosines[some]).masked_fill(~negative[some], -torch.inf)
        gap = rivals.logsumexp(dim=1) - scale * own[some] + scale * margin
        total = total.index_add(0, some.nonzero()[:, 0], softplus(gap))
    return total


class CrossLevel(ProxyLoss):
    """Mean cross-level loss against `classes` normalised proxies of dimension `dim`.

    Labels are class numbers 0..classes - 1 at the finest level. `tree` holds the class of every
    proxy at each level, (classes, levels), finest first; without it there is the finest level
    alone. `margins` are one per level, finest first. A gallery changes nothing.
    """

    tree: Tensor

    def __init__(
        self,
        classes: int,
        dim: int,
        margins: Sequence[Number] = (0.25,),
        scale: Number = 32.0,
        *,
        tree: Int[Tensor, "proxy level"] | None = None,
    ) -> None:
        super().__init__(classes, dim)
        check_positive(scale=scale)
        for margin in margins:
            check_finite(margin=margin)
        known = torch.arange(classes)[:, None] if tree is None else tree
        if known.shape != (classes, len(margins)):
            raise UsageError(
                f"{len(margins)} margins for a tree of {known.shape[1]} levels",
                "give margins one value per label level, finest first",
            )
        self.margins, self.scale = tuple(margins), scale
        self.register_buffer("tree", known, persistent=False)
        self.proxies = nn.Parameter(torch.empty(classes, dim).uniform_(-1, 1) / dim**0.5)

    def mean_of(self, points: Tensor, labels: Tensor) -> Tensor:
        """Return the mean of the items' sums over levels."""
        cosines = points @ normalize(self.proxies).to(points.dtype).T
        return cross_level(cosines, labels, self.tree, self.margins, self.scale).mean()
