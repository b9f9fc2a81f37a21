"""Bytes of a running download, handed from the Hub client's bar to ours."""

from collections.abc import Callable, Iterator
from queue import SimpleQueue
from typing import Any, TypeVar

from tqdm import tqdm

from zoo.hub.patience import SLOWEST, begun, patient
from zoo.progress import Track

T = TypeVar("T")
MIB = 2**20


def silent_bar(advance: Callable[[int], None] | None) -> type:
    """Return a tqdm class that draws nothing and tells `advance` the bytes that arrive."""

    class SilentBar(tqdm):  # type: ignore[misc]
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **{**kwargs, "disable": True})

        def update(self, n: int | float | None = 1) -> None:
            if advance is not None and n:
                advance(int(n))

        def update_transfer(self, n: int | float | None = 1) -> None:
            """Count nothing: the same bytes are told to `update` once they are on disk."""

    return SilentBar


def tracked(
    work: Callable[[Callable[[int], None]], T], track: Track, description: str, total_bytes: int
) -> T:
    """Return `work(advance)`, run in a thread while `track` follows the MiB it reports."""
    seen: SimpleQueue[int | None] = SimpleQueue()
    with patient() as patience:

        def advance(count: int) -> None:
            patience.earn(count / SLOWEST)
            seen.put(count)

        outcome = begun(lambda: work(advance))
        outcome.add_done_callback(lambda _: seen.put(None))
        for _ in track(_mebibytes(seen), f"{description} (MiB)", -(-total_bytes // MIB)):
            pass
    return outcome.result()


def _mebibytes(seen: "SimpleQueue[int | None]") -> Iterator[int]:
    arrived = told = 0
    while (count := seen.get()) is not None:
        arrived += count
        while told < arrived // MIB:
            told += 1
            yield told
