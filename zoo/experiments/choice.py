"""Which point of its grid a candidate is run at: the best on the validation classes."""

from collections.abc import Mapping

from zoo.experiments.plan import Plan, Trial
from zoo.experiments.run_store import Outcome

CHOSEN_BY = ("map_at_r", "rsum")  # of images, of captions


def chosen_points(plan: Plan, outcomes: Mapping[Trial, Outcome]) -> dict[str, int]:
    """Return each candidate's point, by the tuning runs that are over.

    A candidate with one point needs no tuning; one whose every run failed has none, and nor has
    one of which no run is over.
    """
    chosen = {c.name: 0 for c in plan.candidates if len(plan.points(c)) == 1}
    best: dict[str, float] = {}
    for trial in plan.tuning():
        outcome = outcomes.get(trial)
        if outcome is None or outcome.status != "ok":
            continue
        value = validation_score(outcome)
        if value > best.get(trial.candidate, -1.0):
            best[trial.candidate], chosen[trial.candidate] = value, trial.point
    return chosen


def validation_score(outcome: Outcome) -> float:
    """Return the number by which tuning chooses."""
    return next(outcome.metrics[name] for name in CHOSEN_BY if name in outcome.metrics)
