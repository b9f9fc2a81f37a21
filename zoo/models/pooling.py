"""Feature maps to one vector per image: average, maximum, GeM, WELDON."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor, nn

Maps = Float[Tensor, "batch channel height width"]
Vectors = Float[Tensor, "batch channel"]


def gem(maps: Maps, p: Float[Tensor, ""], eps: float = 1e-6) -> Vectors:
    """Generalised mean over positions: (mean x^p)^(1/p); p=1 is the average, p -> inf the maximum.

    Radenovic et al., TPAMI 2019. Values below `eps` are raised to it, so x^p stays differentiable.
    """
    return maps.clamp(min=eps).pow(p).mean(dim=(2, 3)).pow(1 / p)


def extremes(values: Float[Tensor, "batch channel place"], count: int) -> tuple[Vectors, Vectors]:
    """Return the mean of the `count` highest places of each channel, and of the lowest."""
    count = min(count, values.shape[2])
    highest, lowest = (values.topk(count, dim=2, largest=first).values for first in (True, False))
    return highest.mean(dim=2), lowest.mean(dim=2)


class AveragePooling(nn.Module):
    """The mean over positions."""

    def forward(self, maps: Maps) -> Vectors:
        """Pool `maps`."""
        return maps.mean(dim=(2, 3))


class MaxPooling(nn.Module):
    """The maximum over positions."""

    def forward(self, maps: Maps) -> Vectors:
        """Pool `maps`."""
        return maps.amax(dim=(2, 3))


class GeM(nn.Module):
    """Generalised-mean pooling with a learnable exponent, 3 at the start."""

    def __init__(self, p: float = 3.0) -> None:
        super().__init__()
        self.p = nn.Parameter(torch.tensor(p))

    def forward(self, maps: Maps) -> Vectors:
        """Pool `maps`."""
        return gem(maps, self.p)


class WildcatPooling(nn.Module):
    """Scores from class maps: the mean of the highest places and `alpha` x that of the lowest.

    Durand et al., WILDCAT, CVPR 2017, as its code has it: a class's map is the mean of its `maps`,
    its score half the sum of the mean of its k highest values and `alpha` times the mean of its k
    lowest, k the share `share` of the places.
    """

    def __init__(self, maps: int = 8, share: float = 0.2, alpha: float = 0.7) -> None:
        super().__init__()
        self.maps, self.share, self.alpha = maps, share, alpha

    def forward(self, maps: Maps) -> Float[Tensor, "batch class"]:
        """Return (batch, classes) of (batch, classes x maps, height, width)."""
        batch, _, height, width = maps.shape
        by_class = maps.reshape(batch, -1, self.maps, height * width).mean(dim=2)
        best, worst = extremes(by_class, max(1, round(self.share * by_class.shape[2])))
        return (best + self.alpha * worst) / 2


class WeldonPooling(nn.Module):
    """The mean of a map's `count` highest places, and that of its `count` lowest, summed.

    Durand et al., WELDON, CVPR 2016, as DSVE-Loc has it. Of a map with fewer places all are both.
    """

    def __init__(self, count: int = 15) -> None:
        super().__init__()
        self.count = count

    def forward(self, maps: Maps) -> Vectors:
        """Pool `maps`."""
        best, worst = extremes(maps.flatten(2), self.count)
        return best + worst


class UnitLength(nn.Module):
    """Vectors scaled to length 1, as a layer in front of a projection."""

    def forward(self, vectors: Vectors) -> Vectors:
        """Normalise `vectors`."""
        return nn.functional.normalize(vectors, dim=1)


MAP_POOLINGS: dict[str, Callable[[], nn.Module]] = {
    "avg": AveragePooling,
    "max": MaxPooling,
    "gem": GeM,
    "weldon": WeldonPooling,
}
