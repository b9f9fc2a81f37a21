"""One generation of an index, kept open for as long as a request is using it."""

from collections import OrderedDict, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from zoo.errors import UsageError
from zoo.index.reader import Mask, Reader
from zoo.search.options import SearchOptions
from zoo.search.search import Answer, Copy, search
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
class Question:
    """A query vector, how to search and where, and which item is the query's own copy."""

    vector: Float[Tensor, " dim"]
    options: SearchOptions
    among: Filtered
    copy: Copy = None


class Snapshot:
    """A generation and the number of requests that hold it; the last one closes it."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.holders = 1  # the server itself, until it has a newer one
        self._filters: OrderedDict[str | None, Filtered] = OrderedDict()
        self._values: dict[str, list[Plain]] = {}

    def release(self) -> None:
        """Give up one hold."""
        self.holders -= 1
        if self.holders == 0:
            self.reader.close()

    def values(self, column: str) -> list[Plain]:
        """Return the most frequent values of a column; reads every row the first time."""
        if column not in self._values:
            self._values[column] = frequent_values(self.reader.segments, column)
        return self._values[column]

    def filtered(self, where: str | None) -> Filtered:
        """Return the items that fulfil a condition; may read every row the first time.

        Raises:
            RefusedError: the condition cannot be.
        """
        known = self._filters.get(where)
        if known is None:
            masks = self._masks(where)
            known = Filtered(masks, sum(int(mask.sum()) for mask in masks))
            self._filters[where] = known
            while len(self._filters) > FILTERS:
                self._filters.popitem(last=False)
        return known

    def _masks(self, where: str | None) -> Sequence[Mask]:
        try:
            return self.reader.candidates(where)
        except UsageError as error:
            message = str(error).replace("--where", "condition", 1)
            raise RefusedError(400, message, error.hint) from error

    def search(self, questions: list[Question]) -> list[Answer]:
        """Answer questions; those with the same options and filter are searched for together."""
        groups: dict[tuple[SearchOptions, int], list[int]] = defaultdict(list)
        for place, question in enumerate(questions):
            groups[question.options, id(question.among)].append(place)
        answers: dict[int, Answer] = {}
        for (options, _), places in groups.items():
            vectors = torch.stack([questions[place].vector for place in places])
            copies = [questions[place].copy for place in places]
            masks = questions[places[0]].among.masks
            found = search(self.reader, vectors, options, copies, masks)
            answers.update(zip(places, found, strict=True))
        return [answers[place] for place in range(len(questions))]
