import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from filelock import FileLock

from zoo.errors import InterruptedRunError, UsageError
from zoo.experiments.outcome import Outcome, write_outcome
from zoo.experiments.plan import Plan, Trial
from zoo.experiments.run_store import RunStore
from zoo.experiments.schedule import BUSY, Process, carry_out
from zoo.experiments.settings import open_settings
from zoo.recipes.values import to_json

RATES = (1e-4, 1e-3)


class Recorder:
    """Launches that end at once with a score, or as they are told to."""

    def __init__(self, plan: Plan, folder: Path, ended: Callable[[int], Process]) -> None:
        self.plan, self.store, self.ended = plan, RunStore(plan, folder), ended
        self.started: list[Trial] = []
        self.codes: dict[str, int] = {}
        self.metrics = {"map_at_r": 0.5, "recall_at_1": 0.5}

    def __call__(self, trial: Trial) -> Process:
        self.started.append(trial)
        code = self.codes.get(trial.candidate, 0)
        if code == 0:
            recipe = to_json(self.plan.recipe(trial))
            write_outcome(self.store.run(trial), recipe, Outcome("ok", "", self.metrics))
        return self.ended(code)


@pytest.fixture
def plan(plan_of: Callable[..., Plan]) -> Plan:
    return plan_of("untrained,triplet,smooth_ap", rates=RATES, seeds=2)


@pytest.fixture
def launch(plan: Plan, tmp_path: Path, ended: Callable[[int], Process]) -> Recorder:
    return Recorder(plan, tmp_path, ended)


def test_everything_is_run_once_and_a_second_call_has_nothing_to_do(
    plan: Plan, launch: Recorder, tmp_path: Path
) -> None:
    carry_out(RunStore(plan, tmp_path), launch)
    assert len(launch.started) == len(set(launch.started)) == plan.runs == 8 + 5
    carry_out(RunStore(plan, tmp_path), launch)
    assert len(launch.started) == plan.runs
    assert not list(RunStore(plan, tmp_path).open_runs())


def test_what_is_over_is_skipped(plan: Plan, launch: Recorder, tmp_path: Path) -> None:
    first = next(launch.store.open_runs())
    launch(first)
    launch.started.clear()
    carry_out(RunStore(plan, tmp_path), launch)
    assert first not in launch.started
    assert len(launch.started) == plan.runs - 1


def test_a_process_that_dies_is_marked_and_the_rest_goes_on(
    plan: Plan, launch: Recorder, tmp_path: Path
) -> None:
    launch.codes["triplet"] = -11
    carry_out(RunStore(plan, tmp_path), launch)
    outcomes = RunStore(plan, tmp_path).outcomes()
    lost = {t: o for t, o in outcomes.items() if t.candidate == "triplet"}
    assert {(o.status, o.note) for o in lost.values()} == {("crashed", "killed by signal 11")}
    assert len(lost) == 4, "no point of its grid works, so it has no run that counts"
    assert sum(o.status == "ok" for o in outcomes.values()) == 4 + 3


def test_a_crash_is_tried_again_by_the_next_call_alone(
    plan: Plan, launch: Recorder, tmp_path: Path
) -> None:
    launch.codes["triplet"] = 1
    carry_out(RunStore(plan, tmp_path), launch)
    tried = len(launch.started)
    launch.codes.clear()
    carry_out(RunStore(plan, tmp_path), launch)
    assert len(launch.started) == tried + 4 + 2
    assert all(o.status == "ok" for o in RunStore(plan, tmp_path).outcomes().values())


def test_a_run_that_another_process_holds_is_left_to_it(
    plan: Plan, launch: Recorder, tmp_path: Path
) -> None:
    other = RunStore(plan, tmp_path)
    held = next(other.open_runs())
    lock = FileLock(other.lock(held).lock_file, thread_local=False)
    lock.acquire()
    assert RunStore(plan, tmp_path).taken(held)

    def finish() -> None:
        time.sleep(1)
        recipe = to_json(plan.recipe(held))
        write_outcome(other.run(held), recipe, Outcome("ok", "", launch.metrics))
        lock.release()

    thread = threading.Thread(target=finish)
    thread.start()
    carry_out(RunStore(plan, tmp_path), launch)
    thread.join()
    assert held not in launch.started
    assert len(launch.started) == plan.runs - 1


def test_a_run_that_another_process_took_in_between_is_no_crash(
    plan: Plan, launch: Recorder, tmp_path: Path
) -> None:
    launch.codes["triplet"] = BUSY
    store = RunStore(plan, tmp_path)

    def launch_twice(trial: Trial) -> Process:
        found = launch(trial)
        launch.codes.clear()
        return found

    carry_out(store, launch_twice)
    assert len(launch.started) == plan.runs + 1
    assert all(outcome.status == "ok" for outcome in store.outcomes().values())


class Slow:
    """A process that works until it is asked to stop."""

    def __init__(self) -> None:
        self.code: int | None = None

    def poll(self) -> int | None:
        return self.code

    def terminate(self) -> None:
        self.code = InterruptedRunError.code

    def kill(self) -> None:
        self.code = -9


def test_a_spent_budget_stops_the_runs_and_leaves_them_to_the_next_call(
    plan: Plan, launch: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    processes: list[Slow] = []
    clock = SimpleNamespace(monotonic=lambda: float(len(processes) == 2), sleep=time.sleep)
    monkeypatch.setattr("zoo.experiments.schedule.time", clock)

    def launch_slow(trial: Trial) -> Process:
        processes.append(Slow())
        return processes[-1]

    carry_out(RunStore(plan, tmp_path), launch_slow, jobs=2, budget_seconds=0.5)
    assert [process.code for process in processes] == [130, 130]
    assert len(RunStore(plan, tmp_path).outcomes()) == 0
    carry_out(RunStore(plan, tmp_path), launch)
    assert len(launch.started) == plan.runs


def test_a_signal_stops_the_runs_and_says_how_to_go_on(plan: Plan, tmp_path: Path) -> None:
    process = Slow()

    def launch_and_interrupt(trial: Trial) -> Process:
        os.kill(os.getpid(), signal.SIGTERM)
        return process

    with pytest.raises(InterruptedRunError, match="0 of 13 runs") as caught:
        carry_out(RunStore(plan, tmp_path), launch_and_interrupt)
    assert process.code == 130
    assert "same command" in caught.value.hint


def test_a_run_under_another_recipe_is_refused(
    plan: Plan, launch: Recorder, tmp_path: Path, plan_of: Callable[..., Plan]
) -> None:
    carry_out(RunStore(plan, tmp_path), launch)
    longer = plan_of("untrained,triplet,smooth_ap", rates=RATES, seeds=2, steps=20)
    with pytest.raises(UsageError, match="another recipe"):
        RunStore(longer, tmp_path).outcomes()


def test_a_folder_keeps_its_settings_and_is_no_other_folder(tmp_path: Path) -> None:
    open_settings(tmp_path / "a", {"steps": 10, "rates": (1.0, 2.0)})
    open_settings(tmp_path / "a", {"steps": 10, "rates": (1.0, 2.0)})
    with pytest.raises(UsageError, match="another steps: 10 → 20"):
        open_settings(tmp_path / "a", {"steps": 20, "rates": (1.0, 2.0)})
    with pytest.raises(UsageError, match=r"another rates: \[1.0, 2.0\] → \[2.0, 4.0\]"):
        open_settings(tmp_path / "a", {"steps": 10, "rates": (2.0, 4.0)})
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "letter.txt").write_text("mine")
    with pytest.raises(UsageError, match="something else"):
        open_settings(tmp_path / "b", {"steps": 10})


def test_more_learning_rates_go_on_in_the_same_folder_and_only_what_is_missing_is_run(
    plan: Plan,
    tmp_path: Path,
    plan_of: Callable[..., Plan],
    ended: Callable[[int], Process],
) -> None:
    open_settings(tmp_path, {"rates": plan.rates})
    carry_out(RunStore(plan, tmp_path), Recorder(plan, tmp_path, ended))
    wider = plan_of("untrained,triplet,smooth_ap", rates=(*RATES, 1e-2), seeds=2)
    open_settings(tmp_path, {"rates": wider.rates})
    more = Recorder(wider, tmp_path, ended)
    more.metrics = {"map_at_r": 0.6}
    carry_out(RunStore(wider, tmp_path), more)
    tuned = {t.point for t in more.started if t.stage == "tuning"}
    finals = {t.candidate for t in more.started if t.stage == "final"}
    assert tuned == {4, 5}, "two settings of its own at the added rate"
    assert finals == {"triplet", "smooth_ap"}, "the added rate won; the untrained one stays"
    with pytest.raises(UsageError, match="another rates"):
        open_settings(tmp_path, {"rates": plan.rates})
