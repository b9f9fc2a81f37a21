"""Query expansion and database augmentation: a vector moves towards its neighbours."""

import torch
from jaxtyping import Float, Int64
from torch import Tensor
from torch.nn.functional import normalize

from zoo.progress import Track, silent
from zoo.search.neighbours import nearest


def expanded(
    vectors: Float[Tensor, "item dim"],
    gallery: Float[Tensor, "gallery dim"],
    count: int,
    alpha: float = 0.0,
    *,
    exclude: Int64[Tensor, " item"] | None = None,
    device: str = "cpu",
    track: Track = silent,
) -> Float[Tensor, "item dim"]:
    """Return normalize(v + sum over the `count` nearest g of max(v . g, 0)^alpha g).

    With alpha 0 this is average query expansion (Chum et al., ICCV 2007), with alpha > 0 alpha
    query expansion (Radenovic et al., TPAMI 2019); applied to the gallery itself, with `exclude`
    the item's own position, database augmentation.
    """
    scores, places = nearest(vectors, gallery, count, exclude=exclude, device=device, track=track)
    weights = scores.clamp(min=0) ** alpha
    moved = torch.empty(vectors.shape)
    for low in range(0, len(vectors), ROWS):
        rows = slice(low, low + ROWS)
        neighbours = gallery[places[rows].reshape(-1)].view(*places[rows].shape, -1)
        pull = torch.einsum("ik,ikd->id", weights[rows], neighbours)
        moved[rows] = normalize(vectors[rows] + pull, dim=1)
    return moved


ROWS = 4096  # with 10 neighbours of 512 numbers: 84 MB
