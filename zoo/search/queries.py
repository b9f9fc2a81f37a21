"""Questions to an index: images, image files, folders of them, or text."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from PIL.Image import Image
from torch import Tensor, nn

from zoo.data.images import SUFFIXES
from zoo.data.item import Skipped
from zoo.data.tree import images_below, report_left_out
from zoo.embedding.sides import image_side, text_side
from zoo.errors import DataError, UnavailableError, UsageError
from zoo.files import looks_like_path, sha256_of

BATCH = 64


@dataclass(frozen=True)
class Query:
    """One question: an image file, an image in memory, or else a text."""

    text: str
    path: Path | None = None
    image: Image | None = field(default=None, repr=False)

    @property
    def copy(self) -> str | None:
        """The content's sha256, by which an index knows the query as one of its items."""
        if self.path is not None:
            return sha256_of(self.path)
        return None if self.image else hashlib.sha256(self.text.encode()).hexdigest()


def read_queries(
    questions: "Sequence[str | Path | Image] | str | Path | Image", *, as_text: bool = False
) -> list[Query]:
    """Turn one question or many into queries: images, files, folders (each image below), texts.

    A text that looks like a path is one. as_text: take every `str` as words, even a file's name.

    Raises:
        UsageError: a question is empty. UnavailableError: it is a path that is not there.
        DataError: a folder holds no image.
    """
    many = [questions] if isinstance(questions, str | Path | Image) else questions
    return [query for question in many for query in _read(question, as_text)]


def embed_queries(model: nn.Module, queries: Sequence[Query]) -> Float[Tensor, "query dim"]:
    """Embed questions in order, each with the side of the model that it needs.

    Raises:
        UsageError: the model lacks that side. DataError: an image cannot be read.
    """
    vectors: dict[int, Tensor] = {}
    seen: list[tuple[int, Any]] = []
    read: list[tuple[int, Any]] = []
    for place, query in enumerate(queries):
        shown = query.path if query.image is None else query.image
        seen += [(place, shown)] if shown is not None else []
        read += [(place, query.text)] if shown is None else []
    for side, wanted in ((image_side, seen), (text_side, read)):
        for start in range(0, len(wanted), BATCH):
            group = wanted[start : start + BATCH]
            found = side(model)([value for _, value in group])
            vectors.update(zip([i for i, _ in group], found, strict=True))
    return torch.stack([vectors[i] for i in range(len(queries))])


def _read(question: str | Path | Image, as_text: bool) -> list[Query]:
    if isinstance(question, Image):
        return [Query("image", image=question)]
    if not str(question).strip():
        raise UsageError("a query is empty", "give an image, a folder or a text")
    if isinstance(question, str) and (as_text or not looks_like_path(question, SUFFIXES)):
        return [Query(question)]
    path = Path(question).expanduser()
    if not path.exists():
        raise UnavailableError(f"{question} does not exist", "use --text to search for these words")
    if path.is_dir():
        left_out: list[Skipped] = []
        found = list(images_below(path, left_out))
        report_left_out(left_out)
        if not found:
            raise DataError(f"{path} holds no image", f"suffixes: {' '.join(sorted(SUFFIXES))}")
        return [Query(str(image), image) for image in found]
    return [Query(str(question), path)]
