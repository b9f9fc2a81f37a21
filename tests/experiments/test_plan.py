from collections.abc import Callable
from pathlib import Path

import pytest

from zoo.experiments.outcome import Outcome, write_outcome
from zoo.experiments.plan import Plan, Trial, learning_rates
from zoo.experiments.run_store import RunStore
from zoo.recipes import Recipe
from zoo.recipes.values import to_json

RATES = (1e-4, 1e-3)


def end(store: RunStore, trial: Trial, outcome: Outcome) -> None:
    write_outcome(store.run(trial), to_json(store.plan.recipe(trial)), outcome)


def test_tuning_goes_first_to_who_has_had_fewest_runs(
    plan_of: Callable[..., Plan], tmp_path: Path
) -> None:
    store = RunStore(plan_of("untrained,triplet,smooth_ap", rates=RATES), tmp_path)
    started = []
    for _ in range(4):
        trial = next(store.open_runs())
        started.append((trial.candidate, trial.stage, trial.point))
        end(store, trial, Outcome("ok", metrics={"map_at_r": 0.5}))
    assert started == [
        ("triplet", "tuning", 0),
        ("smooth_ap", "tuning", 0),
        ("triplet", "tuning", 1),
        ("smooth_ap", "tuning", 1),
    ]


def test_runs_that_count_go_seed_by_seed_and_the_untrained_network_needs_one(
    plan_of: Callable[..., Plan], tmp_path: Path
) -> None:
    plan = plan_of("untrained,triplet", rates=RATES, seeds=3)
    assert plan.runs == 4 + 1 + 3
    store = RunStore(plan, tmp_path)
    for _ in range(4):
        trial = next(store.open_runs())
        end(store, trial, Outcome("ok", metrics={"map_at_r": 0.1 * (trial.point == 1)}))
    finals = list(store.open_runs())
    assert [(t.candidate, t.point, t.seed) for t in finals] == [
        ("untrained", 0, 0),
        ("triplet", 1, 0),
        ("triplet", 1, 1),
        ("triplet", 1, 2),
    ]


@pytest.mark.parametrize(
    ("scores", "chosen"), [([0.2, 0.6, 0.5], 1), ([0.0], 0), ([0.2, None, 0.5], 2), ([None], None)]
)
def test_the_run_that_validates_best_is_chosen_and_failures_are_not(
    scores: list[float | None],
    chosen: int | None,
    plan_of: Callable[..., Plan],
    tmp_path: Path,
) -> None:
    plan = plan_of("triplet", rates=RATES)
    store = RunStore(plan, tmp_path)
    for score in scores:
        trial = store.search.ask(plan.candidates[0], store.score)
        assert trial is not None
        well = Outcome("ok", metrics={"map_at_r": score or 0.0})
        end(store, trial, Outcome("diverged", "the loss is nan") if score is None else well)
    found = store.chosen(plan.candidates[0])
    assert (found.point if found else None) == chosen


def test_tuning_runs_are_short_and_validate_runs_that_count_do_not(
    plan_of: Callable[..., Plan],
) -> None:
    plan = plan_of("triplet")
    tuning = plan.recipe(Trial("triplet", "tuning", 0, 0))
    final = plan.recipe(Trial("triplet", "final", 0, 2))
    assert (tuning.schedule.steps, final.schedule.steps) == (4, 10)
    assert tuning.engine.evaluate_every == 1
    assert final.engine.evaluate_every == 0


def test_learning_rates_are_the_recipes_times_the_factors(base: Recipe) -> None:
    assert learning_rates(base, (0.5, 1.0, 2.0)) == (5e-4, 1e-3, 2e-3)
