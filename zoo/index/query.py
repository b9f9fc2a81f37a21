"""Questions to an index: image files, folders of them, or text."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from zoo.data.images import SUFFIXES
from zoo.data.item import Skipped
from zoo.data.tree import images_below, report_left_out
from zoo.errors import DataError, UnavailableError, UsageError
from zoo.index.sources import image_side, text_side


@dataclass(frozen=True)
class Query:
    """One question: an image file, or a text when `path` is None."""

    text: str
    path: Path | None = None


def read_queries(arguments: Sequence[str], *, as_text: bool = False) -> list[Query]:
    """Turn command line arguments into questions: files, folders (each image below), or texts.

    as_text: take every argument as text, even one that names a file.

    Raises:
        UsageError: an argument is empty. UnavailableError: it looks like a file that is not there.
        DataError: a folder holds no image.
    """
    return [query for argument in arguments for query in _read(argument, as_text)]


def embed_queries(
    model: nn.Module, queries: Sequence[Query], batch_size: int = 64
) -> Float[Tensor, "query dim"]:
    """Embed questions in order, each with the side of the model that it needs.

    Raises:
        UsageError: the model lacks that side. DataError: an image cannot be read.
    """
    vectors: dict[int, Tensor] = {}
    images: list[tuple[int, Any]] = [
        (i, q.path) for i, q in enumerate(queries) if q.path is not None
    ]
    texts: list[tuple[int, Any]] = [(i, q.text) for i, q in enumerate(queries) if q.path is None]
    for side, wanted in ((image_side, images), (text_side, texts)):
        for start in range(0, len(wanted), batch_size):
            group = wanted[start : start + batch_size]
            found = side(model)([value for _, value in group])
            vectors.update(zip([i for i, _ in group], found, strict=True))
    return torch.stack([vectors[i] for i in range(len(queries))])


def _read(argument: str, as_text: bool) -> list[Query]:
    if not argument.strip():
        raise UsageError("a query is empty", "give an image, a folder or a text")
    path = Path(argument)
    if as_text or not _exists(path):
        if not as_text and path.suffix.lower() in SUFFIXES:
            raise UnavailableError(f"{path} does not exist", "use --text to search for these words")
        return [Query(argument)]
    if not path.is_dir():
        return [Query(argument, path)]
    left_out: list[Skipped] = []
    found = list(images_below(path, left_out))
    report_left_out(left_out)
    if not found:
        raise DataError(f"{path} holds no image", f"suffixes: {' '.join(sorted(SUFFIXES))}")
    return [Query(str(p), p) for p in found]


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a long text is no file name
        return False
