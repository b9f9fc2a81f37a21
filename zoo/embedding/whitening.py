"""PCA whitening: learned on one set, applied to another, saved beside the model."""

from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn.functional import normalize

from zoo.errors import DataError, IntegrityError, UnavailableError
from zoo.files import atomic_path


@dataclass(frozen=True, eq=False)
class Whitening:
    """x -> normalize((x - mean) @ projection)."""

    mean: Float[Tensor, " dim"]
    projection: Float[Tensor, "dim kept"]

    def __call__(self, vectors: Float[Tensor, "item dim"]) -> Float[Tensor, "item kept"]:
        """Apply it; the result has unit length.

        Raises:
            DataError: it was learned for vectors of another width.
        """
        if vectors.shape[1] != len(self.mean):
            raise DataError(
                f"a whitening of {len(self.mean)} numbers for embeddings of {vectors.shape[1]}",
                "learn it with the model it is used with",
            )
        return normalize((vectors - self.mean) @ self.projection, dim=1)


def learn_whitening(vectors: Float[Tensor, "item dim"], dim: int | None = None) -> Whitening:
    """Learn PCA whitening (Jegou and Chum, ECCV 2012): unit variance along each kept direction.

    `dim` keeps the directions of largest variance. A direction with less than 1e-6 of the largest
    variance holds only noise and is never kept.

    Raises:
        DataError: not enough vectors for the directions asked for.
    """
    if len(vectors) < 2 or (dim or 1) > min(len(vectors) - 1, vectors.shape[1]):
        raise DataError(
            f"{len(vectors)} embeddings of {vectors.shape[1]} numbers cannot be whitened to {dim}",
            "learn on more images, or keep fewer dimensions",
        )
    centred = vectors.double() - vectors.double().mean(dim=0)
    variance, directions = torch.linalg.eigh(centred.T @ centred / (len(vectors) - 1))
    kept = (variance > 1e-6 * variance[-1]).nonzero()[:, 0].flip(0)[:dim]
    projection = directions[:, kept] / variance[kept].sqrt()
    return Whitening(vectors.mean(dim=0).float(), projection.float())


def save_whitening(whitening: Whitening, path: Path) -> None:
    """Write a whitening as safetensors."""
    tensors = {"mean": whitening.mean, "projection": whitening.projection.contiguous()}
    with atomic_path(path) as temporary:
        save_file(tensors, temporary)


def load_whitening(path: Path) -> Whitening:
    """Read a whitening.

    Raises:
        UnavailableError: there is no such file.
        IntegrityError: the file holds something else.
    """
    if not path.is_file():
        raise UnavailableError(f"{path}: no such whitening", "learn one with --whiten-on DATA")
    try:
        return Whitening(**load_file(path))
    except (SafetensorError, TypeError) as error:
        raise IntegrityError(f"{path}: holds no whitening") from error
