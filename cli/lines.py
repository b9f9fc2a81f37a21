"""Progress as lines, for logs and pipes."""

import time
from collections.abc import Callable, Iterable, Iterator, Sized
from typing import TypeVar

T = TypeVar("T")
EVERY = 30.0  # seconds between two lines, at least


def by_lines(
    items: Iterable[T], description: str, total: int | None, say: Callable[[str], None]
) -> Iterator[T]:
    """Yield the items; every half minute say how many are done, the rate and the time left.

    Of more than 50 minutes of work, a line appears at every hundredth.
    """
    if total is None and isinstance(items, Sized):
        total = len(items)
    began = last = time.monotonic()
    told = 0
    for done, item in enumerate(items):
        now = time.monotonic()
        if now - last >= EVERY and done - told >= (total or 0) / 100:
            say(progress_line(description, done, total, now - began))
            last, told = now, done
        yield item


def progress_line(description: str, done: int, total: int | None, seconds: float) -> str:
    """Return one line of progress.

    >>> progress_line("train own", 30, 120, 60.0)
    'train own: 30 of 120 (25 %), 0.50/s, 3 min left'
    """
    rate = done / seconds
    if total is None:
        return f"{description}: {done}, {rate:.2f}/s"
    left = (total - done) / rate
    share = f"{done} of {total} ({100 * done / total:.0f} %)"
    return f"{description}: {share}, {rate:.2f}/s, {_span(left)} left"


def _span(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
