"""Whitening, by PCA or from matching pairs: learned on one set, applied to another, saved."""

from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float, Int64
from torch import Tensor
from torch.nn.functional import normalize

from zoo.errors import DataError, IntegrityError, UnavailableError
from zoo.files import read_tensors, write_tensors


@dataclass(frozen=True, eq=False)
class Whitening:
    """x -> normalize((x - mean) @ projection), learned `by` PCA or from pairs."""

    mean: Float[Tensor, " dim"]
    projection: Float[Tensor, "dim kept"]
    by: str = "pca"

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


def learn_pair_whitening(
    vectors: Float[Tensor, "item dim"],
    pairs: Int64[Tensor, "pair 2"],
    dim: int | None = None,
) -> Whitening:
    """Learn whitening from matching pairs (Mikolajczyk and Matas, 2007; there called Lw).

    Where a pair differs is noise: it is whitened first, with the inverse Cholesky factor of the
    mean outer product of differences; the directions are then those of largest scatter of all
    vectors about the mean of the pairs' first ones. `dim` keeps the first directions.

    Raises:
        DataError: there is no pair, fewer directions than are asked for, or a vector is not finite.
    """
    if not len(pairs) or (dim or 1) > vectors.shape[1]:
        raise DataError(
            f"{len(pairs)} matching pairs of embeddings of {vectors.shape[1]} numbers cannot "
            f"teach a whitening to {dim or vectors.shape[1]}",
            "give images of which two or more share a label, or keep fewer dimensions",
        )
    exact = vectors.double()
    if not bool(exact.isfinite().all()):
        raise DataError("an embedding to learn whitening from is not finite")
    first, second = exact[pairs[:, 0]], exact[pairs[:, 1]]
    mean, apart = first.mean(dim=0), first - second
    whitener = _inverse_root(apart.T @ apart / len(pairs))
    centred = (exact - mean) @ whitener.T
    _, directions = torch.linalg.eigh(centred.T @ centred)
    projection = whitener.T @ directions.flip(1)[:, :dim]
    return Whitening(mean.float(), projection.float(), "pairs")


def _inverse_root(matrix: Float[Tensor, "dim dim"]) -> Float[Tensor, "dim dim"]:
    """Return the inverse of the Cholesky factor; a matrix of too low rank gets a jitter first.

    The jitter starts at 1e-10 and grows tenfold until a factor exists, as in the authors' code.
    """
    eye, jitter = torch.eye(len(matrix), dtype=matrix.dtype, device=matrix.device), 0.0
    while True:
        factor, failed = torch.linalg.cholesky_ex(matrix + jitter * eye)
        if not failed:
            inverse: Tensor = torch.linalg.solve_triangular(factor, eye, upper=False)
            return inverse
        jitter = jitter * 10 or 1e-10


def save_whitening(whitening: Whitening, path: Path) -> None:
    """Write a whitening as safetensors."""
    by = torch.tensor(list(whitening.by.encode()), dtype=torch.uint8)
    write_tensors(path, {"mean": whitening.mean, "projection": whitening.projection, "by": by})


def load_whitening(path: Path) -> Whitening:
    """Read a whitening.

    Raises:
        UnavailableError: there is no such file.
        IntegrityError: the file holds something else.
    """
    if not path.is_file():
        raise UnavailableError(f"{path}: no such whitening", "learn one with --whiten-on DATA")
    try:
        tensors = read_tensors(path)
        by = bytes(tensors.pop("by", torch.tensor(list(b"pca"))).tolist()).decode()
        mean, projection = tensors["mean"], tensors["projection"]
        if projection.ndim != 2 or mean.shape != projection.shape[:1]:
            raise ValueError(f"{tuple(mean.shape)} and {tuple(projection.shape)} do not fit")
        return Whitening(**tensors, by=by)
    except (TypeError, ValueError, KeyError, IntegrityError) as error:
        raise IntegrityError(f"{path}: holds no whitening ({error})") from error
