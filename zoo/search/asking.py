"""Ask an index in images and words: what a person types, or gives in a notebook."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from PIL.Image import Image
from torch import nn

from zoo.embedding.identity import ModelIdentity, as_indexed, identify, refuse_other_model
from zoo.search.options import SearchOptions
from zoo.search.queries import Query, embed_queries, read_queries
from zoo.search.search import Answer, Searchable, search


@runtime_checkable
class Described(Protocol):
    """What an index says of itself."""

    @property
    def model(self) -> ModelIdentity:
        """The model whose embeddings it holds."""
        ...


@runtime_checkable
class Askable(Searchable, Protocol):
    """An index that knows its model."""

    @property
    def manifest(self) -> Described:
        """What it says of itself."""
        ...


def ask(
    index: Askable,
    model: nn.Module,
    questions: "Sequence[Query | str | Path | Image] | str | Path | Image",
    options: SearchOptions = SearchOptions(),
    name: str = "this model",
) -> list[Answer]:
    """Return one answer a question: an image, a file, each image of a folder, or a text.

    With `options.together` all of them are one question. name: what messages call the model.
    For example `ask(index, zoo.load("runs/a"), ["photo.jpg", "red heart"])`.

    Raises:
        UsageError: it is not the index's model, or lacks the side a question needs.
        UnavailableError, DataError: a file is not there, or no image.
    """
    queries = as_queries(questions)
    asked = as_indexed(model, index.manifest.model)
    refuse_other_model(index.manifest.model, identify(asked, name))
    vectors = embed_queries(asked, queries)
    return search(index, vectors, options, [query.copy for query in queries])


def as_queries(questions: Any) -> list[Query]:
    """Return questions as queries; those that are queries already stay as they are."""
    if isinstance(questions, list | tuple) and all(isinstance(q, Query) for q in questions):
        return list(questions)
    return read_queries(questions)
