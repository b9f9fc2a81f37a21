"""One generation of an index, kept open for as long as a request is using it."""

import threading
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from cachetools import LRUCache
from jaxtyping import Float
from torch import Tensor

from zoo.errors import UsageError
from zoo.index.reader import Mask, Reader
from zoo.index.where import Stop
from zoo.search.options import SearchOptions
from zoo.search.parts import together
from zoo.search.search import Answer, Copy, search_prepared
from zoo.serve.answers import Plain
from zoo.serve.refusal import RefusedError
from zoo.serve.values import frequent_values

FILTERS = 16  # kept: a page asks again and again with the condition it shows; 1 MB a million items


@dataclass(frozen=True, eq=False)
class Filtered:
    """The items a search may find, and how many they are."""

    masks: Sequence[Mask]
    count: int


@dataclass(frozen=True, eq=False)
class Part:
    """A vector of a query, and how an index knows it as one of its items.

    stored: it is as the index keeps its vectors, not as the model makes them.
    """

    vector: Float[Tensor, " dim"]
    copy: Copy = None
    stored: bool = False


@dataclass(frozen=True, eq=False)
class Question:
    """The parts of a query, how to search and where."""

    parts: Sequence[Part]
    options: SearchOptions
    among: Filtered

    def vector(self, reader: Reader) -> Float[Tensor, " dim"]:
        """Return the one vector of all parts, as the index keeps its vectors."""
        parts = [p.vector if p.stored else reader.prepare(p.vector[None])[0] for p in self.parts]
        return together(torch.stack(parts))


class Snapshot:
    """A generation and the number of requests that hold it; the last one closes it."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.holders = 1  # the server itself, until it has a newer one
        self._filters: LRUCache[str | None, Filtered] = LRUCache(FILTERS)
        self._lock = threading.Lock()
        self._values: dict[str, dict[Plain, int]] = {}

    def release(self) -> None:
        """Give up one hold."""
        self.holders -= 1
        if self.holders == 0:
            self.reader.close()

    def values(self, column: str) -> dict[Plain, int]:
        """Return a column's most frequent values, counted; reads every row the first time."""
        if column not in self._values:
            self._values[column] = frequent_values(self.reader.segments, column)
        return self._values[column]

    def known(self, where: str | None) -> Filtered | None:
        """Return the items that fulfil a condition if they are known, without reading a row."""
        with self._lock:
            return self._filters.get(where)

    def filtered(self, where: str | None, stop: Stop) -> Filtered:
        """Return the items that fulfil a condition; may read every row, until `stop` says why not.

        Raises:
            RefusedError: the condition cannot be, or was interrupted.
        """
        try:
            masks = self.reader.candidates(where, stop)
        except UsageError as error:
            message = str(error).replace("--where", "condition", 1)
            raise RefusedError(400, message, error.hint) from error
        found = Filtered(masks, sum(int(mask.sum()) for mask in masks))
        with self._lock:
            self._filters[where] = found
        return found

    def search(self, questions: list[Question]) -> list[Answer]:
        """Answer questions; those with the same options and filter are searched for together."""
        groups: dict[tuple[SearchOptions, int], list[int]] = defaultdict(list)
        for place, question in enumerate(questions):
            groups[question.options, id(question.among)].append(place)
        answers: dict[int, Answer] = {}
        for (options, _), places in groups.items():
            vectors = torch.stack([questions[place].vector(self.reader) for place in places])
            copies = [tuple(part.copy for part in questions[place].parts) for place in places]
            masks = questions[places[0]].among.masks
            found = search_prepared(self.reader, vectors, options, copies, masks)
            absent = self.reader.absent()
            whole = [replace(answer, missing=absent) for answer in found]
            answers.update(zip(places, whole, strict=True))
        return [answers[place] for place in range(len(questions))]
