"""Embeddings on disk: appended batch by batch, resumed where they stopped, read without loading."""

import hashlib
import logging
import os
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from hashlib import blake2b
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from zoo.embedding.embed import ROWS, embed_batches
from zoo.embedding.options import EmbedOptions
from zoo.errors import IntegrityError, RankzooError, UsageError
from zoo.files import Blame, read_sealed, typed, write_sealed

LOG = logging.getLogger("rankzoo")
MANIFEST, VECTORS, SUMS = "manifest.json", "vectors.f32", "vectors.sums"
WIDTH = 4  # bytes of a float32
SUM = 8  # bytes of a row's hash: 0.4 % of a row of 512 numbers, hashed at about 1 GB/s
DAMAGED = "remove the folder, and embed again"
BLAME = Blame(hint=DAMAGED)


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

    The file only grows, a batch at a time: its length says what is done. Every row has its hash
    beside it, checked whenever the folder is opened. A second call with the
    same identity goes on behind the last whole row, and returns at once when nothing is missing.

    Raises:
        UsageError: the folder belongs to another model or other images.
        RankzooError: the disk has no room for the embeddings, or fills up on the way.
        DataError: an image cannot be read, or its embedding is not finite.
    """
    done = _begin(folder, identity)
    batches = embed_batches(model, paths[done:], options)
    if done < identity.count:
        append_rows(folder, batches, identity.dim)
    return open_store(folder)


def append_rows(folder: Path, batches: Iterable[Float[Tensor, "batch dim"]], dim: int) -> None:
    """Write rows behind those that are there, and the hash of each.

    Raises:
        RankzooError: the disk fills up; what is written stays.
    """
    path = folder / VECTORS
    for batch in batches:
        if batch.shape[1] != dim:
            raise UsageError(f"the model gives {batch.shape[1]} numbers, not {dim}")
        content = batch.numpy().astype("<f4").tobytes()
        try:
            with path.open("ab") as file:
                file.write(content)
            with (folder / SUMS).open("ab") as file:
                file.write(_sums(content, dim))
        except OSError as error:
            raise RankzooError(
                f"{path}: {error.strerror} after {path.stat().st_size // (WIDTH * dim)} images",
                "make room; the same command goes on from there",
            ) from error
    for name in (VECTORS, SUMS):
        with (folder / name).open("ab") as file:
            os.fsync(file.fileno())


def open_store(folder: Path) -> Float[Tensor, "item dim"]:
    """Return a finished folder's embeddings, memory-mapped; writing to them changes no file.

    Raises:
        UsageError: the folder holds no embeddings.
        IntegrityError: the vectors are not as many as the manifest says, or not what was written.
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
    _check_rows(folder, identity.count, identity.dim)
    mapped = np.memmap(folder / VECTORS, dtype="<f4", mode="c", shape=shape)
    return torch.from_numpy(mapped)


def read_identity(folder: Path) -> Identity:
    """Read what a store holds.

    Raises:
        UsageError: the folder holds no embeddings.
        IntegrityError: its manifest is not what was written.
    """
    try:
        found = typed(Identity, read_sealed(folder / MANIFEST, BLAME), folder / MANIFEST, BLAME)
    except FileNotFoundError as error:
        raise UsageError(
            f"{folder}: no folder of embeddings", "make one with `rankzoo eval --embeddings`"
        ) from error
    if found.count < 0 or found.dim < 1:
        raise BLAME.of(folder / MANIFEST, f"{found.count} embeddings of {found.dim} numbers")
    return found


def _begin(folder: Path, identity: Identity) -> int:
    """Prepare a new folder, or cut a half-written row off an old one; return the rows done."""
    vectors = folder / VECTORS
    if not (folder / MANIFEST).exists():
        folder.mkdir(parents=True, exist_ok=True)
        _require_room(folder, identity.count * identity.dim * WIDTH)
        vectors.write_bytes(b"")
        (folder / SUMS).write_bytes(b"")
        write_sealed(folder / MANIFEST, asdict(identity))
        return 0
    if (there := read_identity(folder)) != identity:
        what = "another model" if there.model != identity.model else "other images"
        raise UsageError(
            f"{folder}: holds the embeddings of {what}", "choose another --embeddings folder"
        )
    written = [vectors.stat().st_size // (WIDTH * identity.dim), _size(folder / SUMS) // SUM]
    done = min(*written, identity.count)
    if written[0] > written[1]:
        LOG.warning("%s: %d embeddings without a hash, made again", folder, written[0] - done)
    _check_rows(folder, done, identity.dim)
    os.truncate(vectors, done * WIDTH * identity.dim)
    if done:
        os.truncate(folder / SUMS, done * SUM)
    else:
        (folder / SUMS).write_bytes(b"")
    _require_room(folder, (identity.count - done) * identity.dim * WIDTH)
    return done


def _check_rows(folder: Path, count: int, dim: int) -> None:
    """Compare the first rows with their hashes.

    Raises:
        IntegrityError: naming the first row that differs, or there are no hashes.
    """
    if _size(folder / SUMS) < count * SUM:
        problem = f"{folder}: not every embedding has its hash in {SUMS}"
        raise IntegrityError(problem, DAMAGED)
    with (folder / VECTORS).open("rb") as vectors, (folder / SUMS).open("rb") as sums:
        for start in range(0, count, ROWS):
            rows = min(ROWS, count - start)
            found, wanted = _sums(vectors.read(rows * dim * WIDTH), dim), sums.read(rows * SUM)
            if found != wanted:
                bad = next(i for i in range(len(wanted)) if found[i : i + 1] != wanted[i : i + 1])
                row = start + bad // SUM
                raise IntegrityError(f"{folder / VECTORS}: row {row} is damaged", DAMAGED)


def _sums(content: bytes, dim: int) -> bytes:
    """Return the hash of every row, one after another."""
    step, view = dim * WIDTH, memoryview(content)
    starts = range(0, len(content), step)
    return b"".join(blake2b(view[i : i + step], digest_size=SUM).digest() for i in starts)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _require_room(folder: Path, size: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < size:
        raise RankzooError(
            f"{folder}: {size / 1e9:.1f} GB of embeddings, {free / 1e9:.1f} GB free on the disk",
            "free some space, or choose another --embeddings folder",
        )
