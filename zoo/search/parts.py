"""A query of several parts: images, texts and items that are looked for together."""

from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize

from zoo.errors import DataError

SHORTEST = 1e-6  # of a mean of unit vectors: below, its direction is rounding


def together(parts: Float[Tensor, "part dim"]) -> Float[Tensor, " dim"]:
    """Return the one query that several make: the mean of their unit vectors, of unit length.

    The parts are as the index keeps its vectors, and each weighs the same.

    Raises:
        DataError: they cancel each other out.
    """
    mean = normalize(parts, dim=1).mean(dim=0)
    if mean.norm() < SHORTEST:
        raise DataError("the parts of the query cancel each other out", "leave one of them out")
    return normalize(mean, dim=0)
