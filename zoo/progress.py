"""How long work reports its progress without knowing who watches."""

from collections.abc import Iterable, Iterator
from typing import Protocol, TypeVar, runtime_checkable

T = TypeVar("T")


@runtime_checkable
class Track(Protocol):
    """Wraps an iterable and reports each item drawn from it; the command line passes a Rich bar."""

    def __call__(
        self, items: Iterable[T], description: str, total: int | None = None
    ) -> Iterator[T]:
        """Yield the items of `items` unchanged."""
        ...


def silent(items: Iterable[T], description: str, total: int | None = None) -> Iterator[T]:  # noqa: ARG001
    """Track nothing: the default of every function that takes a `track`."""
    yield from items
