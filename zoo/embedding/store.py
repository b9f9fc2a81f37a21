"""Embeddings on disk: appended batch by batch, resumed where they stopped, read without loading."""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from zoo.embedding.embed import embed_batches
from zoo.embedding.options import EmbedOptions
from zoo.errors import IntegrityError, RankzooError, UsageError
from zoo.files import write_json

MANIFEST, VECTORS = "manifest.json", "vectors.f32"
WIDTH = 4  # bytes of a float32


@dataclass(frozen=True)
class Identity:
    """What a store holds the embeddings of: a model (sha256 of its weights), and images in order.

    `images` is the sha256 of the list of file names and sizes.
    """

    model: str
    images: str
    count: int
    dim: int


def identity_of(model_sha256: str, paths: Sequence[Path], dim: int) -> Identity:
    """Return the identity of the embeddings of these images by this model."""
    digest = hashlib.sha256()
    for path in paths:
        digest.update(
            f"{os.fsdecode(path)}\0{path.stat().st_size}\n".encode(errors="surrogatepass")
        )
    return Identity(model_sha256, digest.hexdigest(), len(paths), dim)


def embed_to_store(
    model: nn.Module,
    paths: Sequence[Path],
    folder: Path,
    identity: Identity,
    options: EmbedOptions = EmbedOptions(),
) -> Float[Tensor, "item dim"]:
    """Embed image files into a folder and return the memory-mapped embeddings.

    The file only grows, a batch at a time: its length says what is done. A second call with the
    same identity goes on behind the last whole row, and returns at once when nothing is missing.

    Raises:
        UsageError: the folder belongs to another model or other images.
        RankzooError: the disk has no room for the embeddings, or fills up on the way.
        DataError: an image cannot be read, or its embedding is not finite.
    """
    done = _begin(folder, identity)
    batches = embed_batches(model, paths[done:], options)
    if done < identity.count:
        _append(folder / VECTORS, batches, identity.dim)
    return open_store(folder)


def _append(path: Path, batches: Iterator[Float[Tensor, "batch dim"]], dim: int) -> None:
    for batch in batches:
        if batch.shape[1] != dim:
            raise UsageError(f"the model gives {batch.shape[1]} numbers, not {dim}")
        try:
            with path.open("ab") as file:
                file.write(batch.numpy().astype("<f4").tobytes())
        except OSError as error:
            raise RankzooError(
                f"{path}: {error.strerror} after {path.stat().st_size // (WIDTH * dim)} images",
                "make room; the same command goes on from there",
            ) from error
    with path.open("ab") as file:
        os.fsync(file.fileno())


def open_store(folder: Path) -> Float[Tensor, "item dim"]:
    """Return a finished folder's embeddings, memory-mapped; writing to them changes no file.

    Raises:
        UsageError: the folder holds no embeddings.
        IntegrityError: the vectors are not as many as the manifest says.
    """
    identity = read_identity(folder)
    shape = (identity.count, identity.dim)
    size = (folder / VECTORS).stat().st_size
    if size != identity.count * identity.dim * WIDTH:
        rows = size / (WIDTH * identity.dim)
        raise IntegrityError(
            f"{folder / VECTORS}: {rows:g} rows, the manifest says {identity.count}",
            "run the same command again: it goes on where it stopped",
        )
    mapped = np.memmap(folder / VECTORS, dtype="<f4", mode="c", shape=shape)
    return torch.from_numpy(mapped)


def read_identity(folder: Path) -> Identity:
    """Read what a store holds.

    Raises:
        UsageError: the folder holds no embeddings.
    """
    try:
        return Identity(**json.loads((folder / MANIFEST).read_text(encoding="utf-8")))
    except (FileNotFoundError, TypeError, ValueError) as error:
        raise UsageError(
            f"{folder}: no folder of embeddings", "make one with eval --embeddings"
        ) from error


def _begin(folder: Path, identity: Identity) -> int:
    """Prepare a new folder, or cut a half-written row off an old one; return the rows done."""
    vectors = folder / VECTORS
    if not (folder / MANIFEST).exists():
        folder.mkdir(parents=True, exist_ok=True)
        _require_room(folder, identity.count * identity.dim * WIDTH)
        vectors.write_bytes(b"")
        write_json(folder / MANIFEST, asdict(identity))
        return 0
    if (there := read_identity(folder)) != identity:
        what = "another model" if there.model != identity.model else "other images"
        raise UsageError(
            f"{folder}: holds the embeddings of {what}", "choose another --embeddings folder"
        )
    done = min(vectors.stat().st_size // (WIDTH * identity.dim), identity.count)
    os.truncate(vectors, done * WIDTH * identity.dim)
    _require_room(folder, (identity.count - done) * identity.dim * WIDTH)
    return done


def _require_room(folder: Path, size: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < size:
        raise RankzooError(
            f"{folder}: {size / 1e9:.1f} GB of embeddings, {free / 1e9:.1f} GB free on the disk",
            "free some space, or choose another --embeddings folder",
        )
