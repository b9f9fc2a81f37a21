"""The one thread that touches models and faiss; it takes together what waits together.

While one forward pass runs, queries gather; the next pass takes them all. A query alone waits for
nobody, and many at once cost one pass. Torch and faiss each keep a pool of threads for every
thread that calls them, so one caller is also what keeps the cores from being asked for twice.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, TypeVar

from zoo.serve.refusal import RefusedError

T = TypeVar("T")
R = TypeVar("R")
Observe = Callable[[int], None]


@dataclass(frozen=True, eq=False)
class Job:
    """One item for a function that takes many."""

    function: Callable[[list[Any]], Sequence[Any]]
    item: Any
    future: Future[Any] = field(default_factory=Future)


class Worker:
    """Runs `function(items)` for items that wait for the same function, at most `batch` at once.

    observe: told the size of every batch.
    """

    def __init__(self, batch: int = 32, waiting: int = 256, observe: Observe = lambda _: None):
        self.batch = batch
        self.waiting = waiting
        self.observe = observe
        self._jobs: deque[Job] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="rankzoo-worker", daemon=True)
        self._thread.start()

    @property
    def queued(self) -> int:
        """How many items wait."""
        return len(self._jobs)

    async def run(self, function: Callable[[list[T]], Sequence[R]], item: T) -> R:
        """Return the function's answer to `item`.

        Raises:
            RefusedError: too many wait already, or the server is closing.
        """
        job = Job(function, item)
        with self._changed:
            if self._closed:
                raise RefusedError(503, "the server is closing", retry_after=5)
            if len(self._jobs) >= self.waiting:
                raise RefusedError(503, "too many queries are waiting", "try again", retry_after=1)
            self._jobs.append(job)
            self._changed.notify()
        answer: R = await asyncio.wrap_future(job.future)
        return answer

    def close(self) -> None:
        """Finish what waits, then end the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    def _work(self) -> None:
        while jobs := self._take():
            wanted = [job for job in jobs if job.future.set_running_or_notify_cancel()]
            if wanted:
                self.observe(len(wanted))
                _answer(wanted)

    def _take(self) -> list[Job]:
        """Wait for jobs and return the oldest with those that can go with it."""
        with self._changed:
            while not self._jobs and not self._closed:
                self._changed.wait()
            if not self._jobs:
                return []
            function = self._jobs[0].function
            chosen = [job for job in self._jobs if job.function == function][: self.batch]
            taken = set(map(id, chosen))
            self._jobs = deque(job for job in self._jobs if id(job) not in taken)
            return chosen


def _answer(jobs: Sequence[Job]) -> None:
    try:
        answers = list(jobs[0].function([job.item for job in jobs]))
    except Exception as error:  # whatever it is belongs to whoever asked
        if len(jobs) == 1:
            jobs[0].future.set_exception(error)
            return
        for job in jobs:  # one bad query must not fail its neighbours
            _answer([job])
        return
    for job, answer in zip(jobs, answers, strict=True):
        job.future.set_result(answer)
