"""Settings are searched by Optuna: the same runs for all, in one file that processes share."""

import math
import multiprocessing
from collections.abc import Callable
from pathlib import Path

import pytest

from zoo.experiments.candidate import RATE, Candidate, candidates
from zoo.experiments.outcome import Outcome, write_outcome
from zoo.experiments.plan import Plan, Trial
from zoo.experiments.run_store import RunStore
from zoo.experiments.search import SETTING, distributions
from zoo.recipes.values import to_json

RATES = (2.5e-4, 4e-3)
EVERYONE = {**candidates(captions=False), **candidates(captions=True)}
Quality = Callable[[Trial], float]


def end(store: RunStore, trial: Trial, outcome: Outcome) -> None:
    write_outcome(store.run(trial), to_json(store.plan.recipe(trial)), outcome)


def tune(store: RunStore, quality: Quality, runs: int = 100) -> list[Trial]:
    """Carry out at most so many tuning runs of the first candidate, each as good as told."""
    done: list[Trial] = []
    candidate = store.plan.candidates[0]
    while len(done) < runs and (trial := store.search.ask(candidate, store.score)):
        end(store, trial, Outcome("ok", metrics={"map_at_r": quality(trial)}))
        done.append(trial)
    return done


def hill(trial: Trial) -> float:
    """A smooth quality whose top lies at neither end: rate 1.6e-3, tau 0.02."""
    away = math.log(float(trial.settings[RATE]) / 1.6e-3) ** 2
    return 0.5 - 0.05 * away - 0.05 * math.log(float(trial.settings["loss.tau"]) / 0.02) ** 2


@pytest.fixture
def plan(plan_of: Callable[..., Plan]) -> Plan:
    return plan_of("smooth_ap", rates=RATES, method="tpe", trials=8)


def test_the_published_setting_at_the_recipes_rate_is_tried_first(
    plan: Plan, tmp_path: Path
) -> None:
    first = next(RunStore(plan, tmp_path).open_runs())
    assert first.settings == {RATE: 1e-3, "loss.tau": 0.01}


def test_everything_tried_lies_within_the_range_and_no_two_are_alike(
    plan: Plan, tmp_path: Path
) -> None:
    tried = tune(RunStore(plan, tmp_path), hill)
    assert [trial.point for trial in tried] == list(range(8))
    assert all(RATES[0] <= trial.settings[RATE] <= RATES[1] for trial in tried)
    assert all(0.01 <= trial.settings["loss.tau"] <= 0.05 for trial in tried)
    assert len({tuple(trial.settings.items()) for trial in tried}) == 8


def test_a_search_that_was_stopped_goes_on_as_it_would_have_gone(
    plan: Plan, tmp_path: Path
) -> None:
    whole = tune(RunStore(plan, tmp_path / "whole"), hill)
    first = tune(RunStore(plan, tmp_path / "parts"), hill, runs=5)
    rest = tune(RunStore(plan, tmp_path / "parts"), hill)
    assert [t.settings for t in first + rest] == [t.settings for t in whole]


def test_a_run_whose_process_was_lost_is_handed_out_again(plan: Plan, tmp_path: Path) -> None:
    lost = next(RunStore(plan, tmp_path).open_runs())
    again = next(RunStore(plan, tmp_path).open_runs())
    assert again == lost
    assert again.settings == lost.settings


def test_the_search_goes_where_it_is_better(plan_of: Callable[..., Plan], tmp_path: Path) -> None:
    plan = plan_of("smooth_ap", rates=RATES, method="tpe", trials=24)
    tried = tune(RunStore(plan, tmp_path), hill)
    early, late = (sum(map(hill, part)) / 8 for part in (tried[:8], tried[16:]))
    assert late > early
    grid = plan_of("smooth_ap", rates=(5e-4, 2e-3), method="grid")
    assert max(map(hill, tried)) > max(map(hill, tune(RunStore(grid, tmp_path / "grid"), hill)))


def test_runs_that_diverge_are_left_behind(plan: Plan, tmp_path: Path) -> None:
    store = RunStore(plan, tmp_path)
    candidate = plan.candidates[0]
    while (trial := store.search.ask(candidate, store.score)) is not None:
        high = float(trial.settings[RATE]) > 1.2e-3
        well = Outcome("ok", metrics={"map_at_r": 0.3})
        end(store, trial, Outcome("diverged", "the loss is nan") if high else well)
    chosen = store.chosen(candidate)
    assert chosen is not None
    assert float(chosen.settings[RATE]) <= 1.2e-3


def test_more_trials_go_on_from_those_that_were_run(
    plan: Plan, plan_of: Callable[..., Plan], tmp_path: Path
) -> None:
    tune(RunStore(plan, tmp_path), hill)
    longer = plan_of("smooth_ap", rates=RATES, method="tpe", trials=11)
    assert [t.point for t in tune(RunStore(longer, tmp_path), hill)] == [8, 9, 10]


@pytest.mark.parametrize("name", [n for n, c in EVERYONE.items() if c.loss is not None])
def test_every_candidate_has_something_to_search(name: str) -> None:
    candidate = EVERYONE[name]
    space = distributions(candidate, RATES)
    assert RATE in space
    assert len(space) == (2 if len(candidate.own) > 1 else 1)


def test_a_candidate_without_settings_of_its_own_is_searched_by_its_rate(
    plan_of: Callable[..., Plan], tmp_path: Path
) -> None:
    bare = Candidate("bare", EVERYONE["triplet"].loss)
    plan = plan_of("", bare, rates=RATES, method="tpe", trials=5)
    tried = tune(RunStore(plan, tmp_path), lambda trial: float(trial.settings[RATE]))
    assert len({trial.settings[RATE] for trial in tried}) == 5


def take(plan: Plan, folder: Path, found: "multiprocessing.Queue[int]") -> None:
    for trial in tune(RunStore(plan, folder), hill):
        found.put(trial.point)
    found.put(-1)


@pytest.mark.slow
def test_two_processes_share_the_runs_without_doing_one_twice(plan: Plan, tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    found = context.Queue()
    workers = [context.Process(target=take, args=(plan, tmp_path, found)) for _ in range(2)]
    for worker in workers:
        worker.start()
    points: list[int] = []
    while points.count(-1) < 2:
        points.append(found.get(timeout=600))
    for worker in workers:
        worker.join()
    assert sorted(points) == [-1, -1, *range(8)]


@pytest.mark.parametrize(
    "name",
    [n for n, c in candidates(captions=False).items() if SETTING in distributions(c, RATES)],
)
def test_a_setting_that_is_no_single_number_is_proposed_as_the_keys_of_a_recipe(
    name: str, plan_of: Callable[..., Plan], tmp_path: Path
) -> None:
    tried = tune(
        RunStore(plan_of(name, rates=RATES, method="tpe", trials=4), tmp_path), lambda _: 0.5
    )
    own = [dict(choice) for choice in EVERYONE[name].own]
    assert all({k: v for k, v in t.settings.items() if k != RATE} in own for t in tried)
    assert len(tried) == 4
