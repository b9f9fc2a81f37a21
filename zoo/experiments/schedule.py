"""Carrying out the runs of a plan: next to whoever else works in the folder, within a budget."""

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from math import inf
from typing import Protocol, runtime_checkable

from zoo.errors import InterruptedRunError
from zoo.experiments.outcome import Outcome, write_outcome
from zoo.experiments.plan import Trial
from zoo.experiments.run_store import RunStore
from zoo.progress import Track, silent
from zoo.recipes.values import to_json
from zoo.runs.interrupts import Interrupts

LOG = logging.getLogger("rankzoo")
PATIENCE_S = 60.0  # an asked run saves after its step; one that does not is ended
POLL_S = 0.2
BUSY = 75  # exit code of a run that another process has (EX_TEMPFAIL)


@runtime_checkable
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


Launch = Callable[[Trial], Process]
Working = dict[Trial, Process]


def carry_out(
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
    store.retry_crashed()
    before, total = len(store.outcomes()), store.plan.runs
    working: Working = {}
    with Interrupts() as signals:
        over = _until_over(
            store, launch, working, jobs, lambda: signals.raised or time.monotonic() > deadline
        )
        for trial in track(over, "runs", max(0, total - before)):
            _tell(trial, store.outcome(trial))
        _stop(working)
        if signals.raised:
            raise InterruptedRunError(
                f"stopped after {len(store.outcomes())} of {total} runs; "
                f"all state is in {store.folder}",
                "the same command goes on from there",
            )


def _until_over(
    store: RunStore, launch: Launch, working: Working, jobs: int, stopping: Callable[[], bool]
) -> Iterator[Trial]:
    """Yield runs as they end, until none is open or it is time to stop."""
    while not stopping():
        waiting = False
        while len(working) < jobs:
            trial, waiting = _next(store, working)
            if trial is None:
                break
            working[trial] = launch(trial)
        if not working and not waiting:
            return
        ended = [trial for trial, process in working.items() if process.poll() is not None]
        for trial in ended:
            _mark_if_crashed(store, trial, working.pop(trial).poll() or 0)
            yield trial
        if not ended:  # looking at the folder costs more than looking at the processes
            time.sleep(POLL_S if len(working) == jobs else 10 * POLL_S)


def _next(store: RunStore, working: Working) -> tuple[Trial | None, bool]:
    """Return a run that nobody works on, and whether any is open at all."""
    waiting = False
    for trial in store.open_runs():
        waiting = True
        if trial not in working and not store.taken(trial):
            return trial, True
    return None, waiting


def _mark_if_crashed(store: RunStore, trial: Trial, code: int) -> None:
    if store.outcome(trial) is None and code not in (InterruptedRunError.code, BUSY):
        how = f"killed by signal {-code}" if code < 0 else f"the process ended with code {code}"
        outcome = Outcome("crashed", how)
        write_outcome(store.run(trial), to_json(store.plan.recipe(trial)), outcome)


def _stop(working: Working) -> None:
    """Ask every process to save its state and stop, and wait for it."""
    for process in working.values():
        process.terminate()
    limit = time.monotonic() + PATIENCE_S
    while any(process.poll() is None for process in working.values()):
        if time.monotonic() > limit:
            for process in working.values():
                with suppress(ProcessLookupError):
                    process.kill()
        time.sleep(POLL_S)


def _tell(trial: Trial, outcome: Outcome | None) -> None:
    if outcome is None:
        return
    what = outcome.note if outcome.status != "ok" else _headline(outcome.metrics)
    LOG.info("%s: %s, %s (%.0f s)", trial.name, outcome.status, what, outcome.seconds)


def _headline(metrics: Mapping[str, float]) -> str:
    names = [n for n in ("recall_at_1", "map_at_r", "t2i_recall_at_1", "rsum") if n in metrics]
    return ", ".join(f"{name} {metrics[name]:.4f}" for name in names)
