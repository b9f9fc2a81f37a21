"""Searching each candidate's settings: an Optuna study a candidate, in one journal for all.

The journal is a file that any number of processes and machines append to. Each candidate has the
same number of runs to choose by. What a run found stands in its own folder (`run_store.py`); the
journal holds which settings were tried and are to be tried, and can be rebuilt from the start.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock

from zoo.experiments.candidate import RATE, Candidate, Changes
from zoo.experiments.plan import TUNING_SEED, Plan, Trial

if TYPE_CHECKING:
    from optuna import Study
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial

JOURNAL, LOCK = "search.log", "search.lock"
SETTING = "setting"  # which of a candidate's own settings, where they are no single number
RANDOM = 4  # runs that TPE draws before it models: half of the default number of trials

Score = Callable[[Trial], float | None]  # NaN: it failed; None: it is not over


class Search:
    """The studies of a plan's candidates."""

    def __init__(self, plan: Plan, folder: Path) -> None:
        from optuna import logging
        from optuna.storages import JournalStorage
        from optuna.storages.journal import JournalFileBackend

        logging.set_verbosity(logging.WARNING)
        self.plan = plan
        self.lock = FileLock(folder / LOCK)
        self._storage = JournalStorage(JournalFileBackend(str(folder / JOURNAL)))
        self._studies: dict[str, Study] = {}

    def trials(self, candidate: Candidate) -> list[Trial]:
        """Return the tuning runs that were handed out, in order."""
        from optuna.trial import TrialState

        return [
            self._trial(candidate, found)
            for found in self._study(candidate).trials
            if found.state != TrialState.WAITING
        ]

    def ask(self, candidate: Candidate, score: Score) -> Trial | None:
        """Hand out one more tuning run, given what the others found; nothing when all are out.

        TPE is seeded by the run's number, so that a search that was stopped goes on as it would
        have gone.
        """
        from optuna.samplers import TPESampler

        with self.lock:
            handed_out = self.trials(candidate)
            if len(handed_out) >= self.plan.tuning_runs(candidate):
                return None
            study = self._study(candidate)
            self._tell(study, handed_out, score)
            study.sampler = TPESampler(seed=len(handed_out), n_startup_trials=RANDOM)
            asked = study.ask(distributions(candidate, self.plan.rates))
            return self._trial(candidate, study.trials[asked.number])

    def _study(self, candidate: Candidate) -> "Study":
        from optuna import create_study

        if candidate.name not in self._studies:
            with self.lock:
                self._studies[candidate.name] = study = create_study(
                    storage=self._storage,
                    study_name=candidate.name,
                    direction="maximize",
                    load_if_exists=True,
                )
                for point in self.plan.first_points(candidate)[len(study.trials) :]:
                    study.enqueue_trial(_as_params(candidate, point))
        return self._studies[candidate.name]

    def _tell(self, study: "Study", trials: list[Trial], score: Score) -> None:
        """Tell what runs found that ended since; one that failed is worse than all others."""
        from optuna.trial import TrialState

        running = {t.number for t in study.get_trials(states=[TrialState.RUNNING])}
        for trial in trials:
            found = score(trial) if trial.point in running else None
            if found is None:
                continue
            if found == found:  # not NaN
                study.tell(trial.point, found)
            else:
                study.tell(trial.point, state=TrialState.PRUNED)

    def _trial(self, candidate: Candidate, found: "FrozenTrial") -> Trial:
        settings = _as_changes(candidate, found.params)
        return Trial(candidate.name, "tuning", found.number, TUNING_SEED, settings)


def distributions(candidate: Candidate, rates: tuple[float, ...]) -> dict[str, "BaseDistribution"]:
    """Return what a candidate is searched over: rates and its own number, both on log scales.

    Own settings that are words, or several values at once, are chosen from as they are.
    """
    from optuna.distributions import (
        CategoricalDistribution,
        FloatDistribution,
        IntDistribution,
    )

    rate = FloatDistribution(min(rates), max(rates), log=True)
    key = _number_of(candidate)
    if key is None:
        choices = CategoricalDistribution(tuple(range(len(candidate.own))))
        return {RATE: rate, SETTING: choices} if len(candidate.own) > 1 else {RATE: rate}
    values = [own[key] for own in candidate.own]
    kind = IntDistribution if isinstance(values[0], int) else FloatDistribution
    return {RATE: rate, key: kind(min(values), max(values), log=True)}


def _number_of(candidate: Candidate) -> str | None:
    """Return the one key that all of a candidate's own settings give a number, if there is one."""
    keys = {tuple(own) for own in candidate.own}
    if len(candidate.own) < 2 or len(keys) != 1 or len(next(iter(keys))) != 1:
        return None
    ((key,),) = keys
    return key if all(isinstance(own[key], int | float) for own in candidate.own) else None


def _as_params(candidate: Candidate, point: Changes) -> dict[str, object]:
    if _number_of(candidate) is not None:
        return dict(point)
    own = {key: value for key, value in point.items() if key != RATE}
    if len(candidate.own) == 1:
        return {RATE: point[RATE]}
    return {RATE: point[RATE], SETTING: candidate.own.index(own)}


def _as_changes(candidate: Candidate, params: dict[str, object]) -> Changes:
    rounded = {k: float(f"{v:.3g}") if isinstance(v, float) else v for k, v in params.items()}
    if _number_of(candidate) is not None:
        return rounded
    own = candidate.own[int(str(rounded.pop(SETTING, 0)))]
    return {**rounded, **own}
