"""Unit vectors on disk: one file that faiss opens and numpy maps."""

import struct
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from zoo.errors import IntegrityError

VECTORS = "vectors.faiss"
HEADER = struct.Struct("<4siqqqBiq")  # faiss's IndexFlatIP file up to its vectors: 45 bytes
_FILLER = 1 << 20  # two fields faiss writes and never reads

Vectors = Float32[np.ndarray, "item dim"]
Piece = Float32[np.ndarray, "_ dim"]


def vector_header(count: int, dim: int) -> bytes:
    """Return the first 45 bytes of faiss's IndexFlatIP file; row-major float32 follows."""
    return HEADER.pack(b"IxFI", dim, count, _FILLER, _FILLER, 1, 0, count * dim)


def map_vectors(path: Path, count: int, dim: int) -> Vectors:
    """Map the vectors of an IndexFlatIP file without reading them.

    Raises:
        IntegrityError: the header or the length is not that of `count` x `dim` vectors.
    """
    header = vector_header(count, dim)
    with path.open("rb") as file:
        found = file.read(len(header))
    if found != header or path.stat().st_size != len(header) + 4 * count * dim:
        raise IntegrityError(f"{path} does not hold {count} vectors of {dim} numbers")
    return np.memmap(path, np.float32, "r", len(header), (count, dim))


def write_vectors(path: Path, pieces: Iterable[Piece], count: int, dim: int) -> int:
    """Stream pieces of a matrix into a faiss IndexFlatIP file; return how many rows came."""
    rows = 0
    with path.open("wb") as file:
        file.write(vector_header(count, dim))
        for piece in pieces:
            assert piece.shape[1] == dim
            file.write(np.ascontiguousarray(piece, np.float32).data)
            rows += len(piece)
    return rows
