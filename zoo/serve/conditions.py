"""Conditions evaluated in threads of their own, each within a budget, none for a client that left.

A condition is SQL of a stranger: it may never end. It is interrupted when its time is up, when
nobody waits for it any more, and when the server closes, which joins its thread before any file is
closed.
"""

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

from zoo.index.where import AT_ONCE, Stop
from zoo.serve.refusal import RefusedError

ALONE_S = 10.0  # a condition's budget: the honest ones on a million items take half a second
CROWDED_S = 1.0  # its budget while another one waits
R = TypeVar("R")


@dataclass(eq=False)
class Evaluation:
    """A condition on its way: when it began, and whether somebody still waits for it."""

    began: float | None = None
    left: threading.Event = field(default_factory=threading.Event)


class Conditions:
    """Evaluates at most two conditions at once; `waiting` more may stand in line."""

    def __init__(self, waiting: int = 256, alone_s: float = ALONE_S, crowded_s: float = CROWDED_S):
        self.waiting = waiting
        self.alone_s = alone_s
        self.crowded_s = crowded_s
        self._line: dict[int, Evaluation] = {}  # not yet begun; one operation is atomic
        self._closing = threading.Event()
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="rankzoo-condition")

    async def run(self, function: Callable[[Stop], R]) -> R:
        """Return what `function` makes in one of the threads; it asks its argument when to stop.

        Raises:
            RefusedError: too many wait already, or the server is closing.
        """
        if self._closing.is_set():
            raise RefusedError(503, "the server is closing", retry_after=5)
        if len(self._line) >= self.waiting:
            raise RefusedError(503, "too many conditions are waiting", "try again", retry_after=1)
        evaluation = Evaluation()
        self._line[id(evaluation)] = evaluation
        try:
            return await asyncio.wrap_future(
                self._threads.submit(self._evaluate, function, evaluation)
            )
        except asyncio.CancelledError:
            evaluation.left.set()
            raise
        finally:
            self._line.pop(id(evaluation), None)

    def close(self) -> None:
        """Interrupt what runs, drop what waits, and join the threads."""
        self._closing.set()
        self._threads.shutdown(cancel_futures=True)

    def _evaluate(self, function: Callable[[Stop], R], evaluation: Evaluation) -> R:
        self._line.pop(id(evaluation), None)
        evaluation.began = time.monotonic()
        return function(lambda: self._reason(evaluation))

    def _reason(self, evaluation: Evaluation) -> str:
        """Return why an evaluation has to stop, or nothing."""
        if self._closing.is_set():
            return "the server is closing"
        if evaluation.left.is_set():
            return "nobody waits for the answer any more"
        spent = time.monotonic() - (evaluation.began or time.monotonic())
        if spent > self.alone_s:
            return f"it takes more than {self.alone_s:g} s"
        if self._line and spent > self.crowded_s:
            return f"it takes more than {self.crowded_s:g} s, and others are waiting"
        return ""
