"""Which point of its grid a contender is run at: the best on the validation classes."""

from collections.abc import Mapping

from zoo.comparison.ledger import Outcome
from zoo.comparison.plan import Plan, Trial

CHOSEN_BY = ("map_at_r", "rsum")  # of pictures, of captions


def chosen_points(plan: Plan, outcomes: Mapping[Trial, Outcome]) -> dict[str, int]:
    """Return each contender's point, by the tuning runs that are over.

    A contender with one point needs no tuning; one whose every run failed has none, and nor has
    one of which no run is over.
    """
    chosen = {c.name: 0 for c in plan.contenders if len(plan.points(c)) == 1}
    best: dict[str, float] = {}
    for trial in plan.tuning():
        outcome = outcomes.get(trial)
        if outcome is None or outcome.status != "ok":
            continue
        value = validation_score(outcome)
        if value > best.get(trial.contender, -1.0):
            best[trial.contender], chosen[trial.contender] = value, trial.point
    return chosen


def validation_score(outcome: Outcome) -> float:
    """Return the number by which tuning chooses."""
    return next(outcome.metrics[name] for name in CHOSEN_BY if name in outcome.metrics)
