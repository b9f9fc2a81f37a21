"""How long anything asked of the Hub may take, and the threads that are waited for no longer."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from threading import Thread
from typing import TypeVar

T = TypeVar("T")
PATIENCE_S = 60.0  # of asking and waiting in one download or push, whatever the Hub answers
SLOWEST = 10_000  # bytes a second: what arrives earns the time it takes at that rate
SLOWEST_UP = 100_000  # of an upload, which is not watched and earns its time before it begins
_LOOK_S = 1.0  # how often the end is looked at, since arriving bytes move it


class Patience:
    """The moment at which an operation gives up, in seconds of `time.monotonic`."""

    def __init__(self) -> None:
        self.until = time.monotonic() + PATIENCE_S

    def left(self) -> float:
        """Return the seconds that may still be waited."""
        return max(0.0, self.until - time.monotonic())

    def earn(self, seconds: float) -> None:
        """Move the end."""
        self.until += seconds


_PRESENT: ContextVar[Patience | None] = ContextVar("patience", default=None)


@contextmanager
def patient() -> Iterator[Patience]:
    """Let all that is asked of the Hub in the block share one patience; nested blocks share it."""
    held = _PRESENT.get() or Patience()
    token = _PRESENT.set(held)
    try:
        yield held
    finally:
        _PRESENT.reset(token)


def begun(work: Callable[[], T]) -> "Future[T]":
    """Begin `work` in a thread that keeps no process alive, within the present patience."""
    outcome: Future[T] = Future()
    context = copy_context()

    def run() -> None:
        try:
            outcome.set_result(context.run(work))
        except BaseException as error:
            outcome.set_exception(error)

    Thread(target=run, daemon=True).start()
    return outcome


def within(patience: Patience, work: Callable[[], T]) -> T:
    """Return `work()`, which a Ctrl-C or the end of the patience leaves behind in its thread.

    The Hub's client has waits of its own (an hour, when the server asks for one) and requests
    without a time limit; none of them can be interrupted.

    Raises:
        TimeoutError: it was not done in time.
    """
    outcome = begun(work)
    while not outcome.done():
        if not (left := patience.left()):
            raise TimeoutError(f"nothing within {PATIENCE_S:.0f} s")
        try:
            outcome.exception(min(left, _LOOK_S))
        except TimeoutError:
            continue
    return outcome.result()
