"""Query expansion and database augmentation: a vector moves towards its neighbours."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor
from torch.nn.functional import normalize

from zoo.search.neighbours import nearest
from zoo.search.options import ALPHA
from zoo.search.scan import PLAIN, Scan


@dataclass(frozen=True)
class Pull:
    """How many neighbours a vector moves towards, and the exponent that weighs each."""

    count: int
    alpha: float = ALPHA


def expanded(
    vectors: Float[Tensor, "item dim"],
    gallery: Float[Tensor, "gallery dim"],
    pull: Pull,
    exclude: Int64[Tensor, " item"] | None = None,
    *,
    scan: Scan = PLAIN,
) -> Float[Tensor, "item dim"]:
    """Move each vector towards its nearest of the gallery (see `moved`).

    Applied to the gallery itself, with `exclude` the item's own position, this is database
    augmentation.
    """
    scores, places = nearest(vectors, gallery, pull.count, exclude=exclude, scan=scan)
    found = torch.empty(vectors.shape)
    for low in range(0, len(vectors), ROWS):
        rows = slice(low, low + ROWS)
        neighbours = gallery[places[rows].reshape(-1)].view(*places[rows].shape, -1)
        found[rows] = moved(vectors[rows], scores[rows], neighbours, pull.alpha)
    return found


def moved(
    vectors: Float[Tensor, "item dim"],
    scores: Float[Tensor, "item near"],
    neighbours: Float[Tensor, "item near dim"],
    alpha: float,
) -> Float[Tensor, "item dim"]:
    """Return normalize(v + sum over its neighbours g of max(v . g, 0)^alpha g).

    With alpha 0 this is average query expansion (Chum et al., ICCV 2007), with alpha > 0 alpha
    query expansion (Radenovic et al., TPAMI 2019).
    """
    pull = torch.einsum("ik,ikd->id", scores.clamp(min=0) ** alpha, neighbours)
    return normalize(vectors + pull, dim=1)


ROWS = 4096  # with 10 neighbours of 512 numbers: 84 MB
