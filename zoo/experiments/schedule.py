"""Carrying out the runs of a plan: next to whoever else works in the folder, within a budget."""

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from math import inf
from typing import Protocol

from zoo.errors import InterruptedRunError
from zoo.experiments.choice import chosen_points
from zoo.experiments.plan import Plan, Trial
from zoo.experiments.run_store import Outcome, RunStore, write_outcome
from zoo.progress import Track, silent
from zoo.recipes.values import to_json
from zoo.runs.interrupts import Interrupts

LOG = logging.getLogger("rankzoo")
PATIENCE_S = 60.0  # an asked run saves after its step; one that does not is ended
POLL_S = 0.2


class Process(Protocol):
    """What is asked of a run's process (`subprocess.Popen` has it)."""

    def poll(self) -> int | None:
        """Return the exit code, or nothing while it runs."""
        ...

    def terminate(self) -> None:
        """Ask it to save and stop."""
        ...

    def kill(self) -> None:
        """End it."""
        ...


Launch = Callable[[Trial, int], Process]  # a run and the descriptor of its lock


@dataclass
class Progress:
    """How far a plan is: runs with an outcome, and those that could still be run."""

    outcomes: dict[Trial, Outcome]
    open: list[Trial]

    @property
    def total(self) -> int:
        """Runs that are over or may yet be."""
        return len(self.outcomes) + len(self.open)


def progress_of(plan: Plan, store: RunStore) -> Progress:
    """Read from the folder which runs are over and which are next, in the plan's order.

    The runs that count of a candidate come up when all runs that choose its point are over.
    """
    outcomes: dict[Trial, Outcome] = {}
    remaining: list[Trial] = []
    for trial in plan.tuning():
        _sort_in(trial, plan, store, outcomes, remaining)
    waiting = {trial.candidate for trial in remaining}
    chosen = chosen_points(plan, outcomes)
    ready = {name: point for name, point in chosen.items() if name not in waiting}
    for trial in plan.finals(ready):
        _sort_in(trial, plan, store, outcomes, remaining)
    return Progress(outcomes, remaining)


def _sort_in(
    trial: Trial,
    plan: Plan,
    store: RunStore,
    outcomes: dict[Trial, Outcome],
    remaining: list[Trial],
) -> None:
    outcome = store.outcome(trial, plan.recipe(trial))
    if outcome is None:
        remaining.append(trial)
    else:
        outcomes[trial] = outcome


class Crew:
    """The processes at work, at most `jobs` of them, each holding the lock of its run."""

    def __init__(self, plan: Plan, store: RunStore, launch: Launch, jobs: int) -> None:
        self.plan, self.store, self.launch, self.jobs = plan, store, launch, jobs
        self.working: dict[Trial, tuple[Process, int]] = {}

    def fill(self, open_runs: list[Trial]) -> None:
        """Start runs that nobody works on, in order, while there is room."""
        for trial in open_runs:
            if len(self.working) >= self.jobs:
                return
            if trial in self.working or (lock := self.store.lock(trial)) is None:
                continue
            if self.store.outcome(trial, self.plan.recipe(trial)) is not None:
                self.store.unlock(lock)  # finished elsewhere since we looked
                continue
            self.working[trial] = (self.launch(trial, lock), lock)

    def reap(self) -> list[Trial]:
        """Return the runs whose processes are gone; one that left no outcome has crashed."""
        gone = [t for t, (process, _) in self.working.items() if process.poll() is not None]
        for trial in gone:
            process, lock = self.working.pop(trial)
            code, recipe = process.poll(), self.plan.recipe(trial)
            unfinished = self.store.outcome(trial, recipe) is None
            if unfinished and code != InterruptedRunError.code:
                write_outcome(
                    self.store.run(trial), to_json(recipe), Outcome("crashed", _death(code or 0))
                )
            self.store.unlock(lock)
        return gone

    def stop(self) -> None:
        """Ask every process to save its state and stop, and wait for it."""
        for process, _ in self.working.values():
            process.terminate()
        limit = time.monotonic() + PATIENCE_S
        while self.working:
            if time.monotonic() > limit:
                for process, _ in self.working.values():
                    with suppress(ProcessLookupError):
                        process.kill()
            self._drop_stopped()
            time.sleep(POLL_S)

    def _drop_stopped(self) -> None:
        for trial, (process, lock) in list(self.working.items()):
            if process.poll() is not None:
                self.store.unlock(lock)
                del self.working[trial]


def carry_out(
    plan: Plan,
    store: RunStore,
    launch: Launch,
    *,
    jobs: int = 1,
    budget_seconds: int | float = inf,
    track: Track = silent,
) -> None:
    """Carry out every run that has no outcome yet; stop cleanly when the budget is spent.

    Crashed runs are tried again, once a call. Runs that other processes hold are left to them, and
    waited for.

    Raises:
        InterruptedRunError: a signal arrived; the runs saved their state.
    """
    deadline = time.monotonic() + budget_seconds
    start = progress_of(plan, store)
    for trial, outcome in start.outcomes.items():
        if outcome.status == "crashed":
            store.forget(trial)
    crew = Crew(plan, store, launch, jobs)
    with Interrupts() as signals:
        over = _until_over(crew, lambda: signals.raised or time.monotonic() > deadline)
        for trial in track(over, "runs", max(0, plan.runs - len(start.outcomes))):
            _tell(trial, store.outcome(trial, plan.recipe(trial)))
        crew.stop()
        if signals.raised:
            done = len(progress_of(plan, store).outcomes)
            raise InterruptedRunError(
                f"stopped after {done} of {plan.runs} runs; all state is in {store.folder}",
                "the same command goes on from there",
            )


def _until_over(crew: Crew, stopping: Callable[[], bool]) -> Iterator[Trial]:
    """Yield runs as they end, until none is left or it is time to stop."""
    while not stopping():
        if len(crew.working) < crew.jobs:
            remaining = progress_of(crew.plan, crew.store).open
            if not remaining and not crew.working:
                return
            crew.fill(remaining)
        ended = crew.reap()
        yield from ended
        if not ended:  # looking at the folder costs more than looking at the processes
            time.sleep(POLL_S if len(crew.working) == crew.jobs else 10 * POLL_S)


def _tell(trial: Trial, outcome: Outcome | None) -> None:
    if outcome is None:
        return
    what = outcome.note if outcome.status != "ok" else _headline(outcome.metrics)
    LOG.info("%s: %s, %s (%.0f s)", trial.name, outcome.status, what, outcome.seconds)


def _headline(metrics: Mapping[str, float]) -> str:
    names = [n for n in ("recall_at_1", "map_at_r", "t2i_recall_at_1", "rsum") if n in metrics]
    return ", ".join(f"{name} {metrics[name]:.4f}" for name in names)


def _death(code: int) -> str:
    return f"killed by signal {-code}" if code < 0 else f"the process ended with code {code}"
