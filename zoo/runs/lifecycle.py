"""The life of a run, whatever it trains: begin or go on, steps, checkpoints, record, results."""

import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from zoo.errors import InterruptedRunError
from zoo.files import write_sealed
from zoo.recipes.values import AnyRecipe, to_json
from zoo.runs.curves import draw_curves
from zoo.runs.folder import CURVES, RESULTS, begin
from zoo.runs.interrupts import Interrupts
from zoo.runs.options import RunOptions
from zoo.runs.record import Record, Row, read_rows
from zoo.runs.trackers import Tracker, open_trackers

T = TypeVar("T")


@dataclass(frozen=True)
class Processes:
    """This process among those of the run: whether it writes, and what all say to a stop."""

    leads: bool = True
    agree: Callable[[bool], bool] = bool


@dataclass(frozen=True)
class Span:
    """The updates `done + 1` to `steps`, and how often a checkpoint is due (0: only at the end)."""

    done: int
    steps: int
    checkpoint_every: int


class Run:
    """A run in its folder, as a block.

    ::

        with Run(out, recipe, options) as run:
            span = Span(restore(out), steps, recipe.engine.checkpoint_every)
            for step, batch in run.steps(batches(span.done), span, save):
                run.record(update(step, batch))
            run.finish({"metrics": measure()})

    A start that fails before its first update leaves nothing behind.
    """

    def __init__(
        self, out: Path, recipe: AnyRecipe, options: RunOptions, processes: Processes | None = None
    ) -> None:
        """Keep what the run is; the folder is looked at when the block begins.

        Raises (as the block begins):
            UsageError: the folder is taken, or holds a run of another recipe.
        """
        self.out, self.recipe, self.options = out, recipe, options
        self.processes = processes or Processes()
        self.seconds, self._steps, self._updated = 0.0, 0, False
        self._began: float | None = None
        self._signals, self._record = Interrupts(), Record(out, 0, (), muted=True)
        self._trackers: list[Tracker] = []
        self._made: list[Path] | None = None  # folders that began with this run

    def __enter__(self) -> "Run":
        if self.processes.leads:
            missing = [path for path in (self.out, *self.out.parents) if not path.exists()]
            fresh = begin(self.out, self.recipe, self.options.resume)
            self._made = missing if fresh else None
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._signals.release()
        self._record.close()
        for tracker in self._trackers:
            tracker.close()
        if kind is not None and not self._updated and self._made is not None:
            _remove(self.out, self._made)

    def open_record(self, done: int) -> None:
        """Begin to write rows, after dropping those of updates later than `done`."""
        muted = not self.processes.leads
        if not muted:
            names, recipe = self.options.trackers, to_json(self.recipe)
            self._trackers = open_trackers(names, self.out, done, recipe)
        self._record = Record(self.out, done, self.options.listeners, muted=muted)

    def record(self, row: Row | None) -> None:
        """Write one row of the record, if there is one, and tell the listeners."""
        self._record.write(row)
        if row is not None:
            numbers = {name: value for name, value in row.items() if name != "step"}
            for tracker in self._trackers:
                tracker.write(row["step"], numbers)

    @property
    def stopping(self) -> bool:
        """Whether a signal asked any process of the run to stop."""
        return self.processes.agree(self._signals.raised)

    @property
    def elapsed(self) -> float:
        """Seconds of the updates so far."""
        running = 0.0 if self._began is None else time.perf_counter() - self._began
        return self.seconds + running

    def watch_signals(self) -> None:
        """From here on Ctrl-C and SIGTERM are a request, until the steps or the block end."""
        self._signals.watch()

    def watch_no_more(self) -> None:
        """Give Ctrl-C and SIGTERM back."""
        self._signals.release()

    def updated(self) -> None:
        """Note that an update was made: from here on a failure keeps the folder."""
        self._updated = True

    def steps(
        self, batches: Iterable[T], span: Span, save: Callable[[int], None]
    ) -> Iterator[tuple[int, T]]:
        """Yield number and batch of each update; after its body save when due, stop when asked.

        Raises:
            InterruptedRunError: a signal arrived; the state was saved.
        """
        self._steps = span.steps
        self._updated = span.done > 0
        self.open_record(span.done)
        self.watch_signals()
        self._began = time.perf_counter()
        left = self.options.track(batches, f"train {self.recipe.name}", span.steps - span.done)
        for step, batch in enumerate(left, start=span.done + 1):
            yield step, batch
            self.updated()
            stopping, last = self.stopping, step == span.steps
            if stopping or last or due(step, span.checkpoint_every):
                save(step)
            if stopping and not last:
                raise self.interrupted(f"after step {step} of {span.steps}; its state is in")
        self.seconds, self._began = self.elapsed, None
        self.watch_no_more()

    def interrupted(self, when: str) -> InterruptedRunError:
        """Return the error of a run that was asked to stop."""
        hint = "the same command with --resume auto goes on from there"
        return InterruptedRunError(f"stopped {when} {self.out}", hint)

    def finish(self, results: Mapping[str, Any], steps: int | None = None) -> None:
        """Write `results.json` (with steps, seconds and seed), the last row, and the curves."""
        if not self.processes.leads:
            return
        steps = self._steps if steps is None else steps
        self.record({"step": steps, **results.get("metrics", {})})
        facts = {"steps": steps, "seconds": self.seconds, "seed": self.options.seed}
        told = {"training_command": self.options.command} if self.options.command else {}
        write_sealed(self.out / RESULTS, {**results, **facts, **told})
        draw_curves(read_rows(self.out), self.out / CURVES)


def due(step: int, every: int) -> bool:
    """Whether something that happens every `every` steps (0: never) happens after `step`."""
    return every > 0 and step % every == 0


def _remove(out: Path, made: Sequence[Path]) -> None:
    """Leave of a run's folder what was there before it: nothing, or an empty folder."""
    shutil.rmtree(out, ignore_errors=True)
    if not made:
        out.mkdir()
    for path in made[1:]:
        if path.is_dir() and not any(path.iterdir()):
            path.rmdir()
