from collections.abc import Callable

from zoo.experiments.choice import chosen_points
from zoo.experiments.plan import Plan, Trial, learning_rates
from zoo.experiments.run_store import Outcome
from zoo.recipes import Recipe

RATES = (1e-4, 1e-3)


def test_tuning_tries_one_point_of_everyone_before_the_next(plan_of: Callable[..., Plan]) -> None:
    trials = plan_of("untrained,triplet,smooth_ap", rates=RATES).tuning()
    assert [(t.candidate, t.point) for t in trials[:4]] == [
        ("triplet", 0),
        ("smooth_ap", 0),
        ("triplet", 1),
        ("smooth_ap", 1),
    ]
    assert len(trials) == 8


def test_runs_that_count_go_seed_by_seed_and_the_untrained_network_needs_one(
    plan_of: Callable[..., Plan],
) -> None:
    plan = plan_of("untrained,triplet", seeds=3)
    finals = plan.finals({"untrained": 0, "triplet": 1})
    assert [(t.candidate, t.point, t.seed) for t in finals] == [
        ("untrained", 0, 0),
        ("triplet", 1, 0),
        ("triplet", 1, 1),
        ("triplet", 1, 2),
    ]
    assert plan.runs == 2 + 4


def test_the_point_that_validates_best_is_chosen_and_failures_are_not(
    plan_of: Callable[..., Plan],
) -> None:
    plan = plan_of("triplet", rates=RATES)
    scores = [0.2, 0.6, 0.5]
    outcomes = {
        trial: Outcome("ok", metrics={"map_at_r": score})
        for trial, score in zip(plan.tuning(), scores, strict=False)
    }
    assert chosen_points(plan, outcomes) == {"triplet": 1}
    outcomes[plan.tuning()[1]] = Outcome("diverged", "the loss is nan")
    assert chosen_points(plan, outcomes) == {"triplet": 2}
    failed = dict.fromkeys(plan.tuning(), Outcome("diverged"))
    assert chosen_points(plan, failed) == {}


def test_a_score_of_zero_can_be_chosen(plan_of: Callable[..., Plan]) -> None:
    plan = plan_of("triplet", rates=RATES)
    outcomes = {plan.tuning()[0]: Outcome("ok", metrics={"map_at_r": 0.0})}
    assert chosen_points(plan, outcomes) == {"triplet": 0}


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
