"""The runs of a comparison: which are over, which are open, and who works on them."""

from collections.abc import Iterator
from pathlib import Path
from typing import cast

from filelock import FileLock, Timeout

from zoo.errors import UsageError
from zoo.experiments.candidate import Candidate
from zoo.experiments.outcome import CRASH, OUTCOME, Outcome, read_outcome
from zoo.experiments.plan import Plan, Trial
from zoo.experiments.search import Search
from zoo.recipes.recipe import Recipe
from zoo.recipes.values import from_json, to_json

RUNS, LOCKS = "runs", "locks"


class RunStore:
    """What is known of each run of a plan, on disk, so that all processes see the same."""

    def __init__(self, plan: Plan, folder: Path) -> None:
        self.plan, self.folder = plan, folder
        folder.mkdir(parents=True, exist_ok=True)
        self.search = Search(plan, folder)
        self._read: dict[Trial, Outcome] = {}  # what is over stays so

    def run(self, trial: Trial) -> Path:
        """Return the run folder of a trial."""
        return self.folder / RUNS / trial.name

    def outcome(self, trial: Trial) -> Outcome | None:
        """Return how a run ended, or nothing when it has not.

        Raises:
            UsageError: it was run under another recipe.
        """
        if trial in self._read:
            return self._read[trial]
        path = self.run(trial) / OUTCOME
        if not path.exists():
            return None
        outcome, recipe = read_outcome(path)
        if from_json(recipe) != self.recipe(trial):
            raise UsageError(
                f"{self.run(trial)} was run under another recipe",
                "remove that folder to run it again, or choose another --out",
            )
        return self._read.setdefault(trial, outcome)

    def recipe(self, trial: Trial) -> Recipe:
        """Return the recipe of a run, as a file would give it back."""
        return cast(Recipe, from_json(to_json(self.plan.recipe(trial))))

    def outcomes(self) -> dict[Trial, Outcome]:
        """Return every run that is over."""
        found = {}
        for candidate in self.plan.candidates:
            for trial in (*self.tuning(candidate), *self.finals(candidate)):
                if (outcome := self.outcome(trial)) is not None:
                    found[trial] = outcome
        return found

    def tuning(self, candidate: Candidate) -> list[Trial]:
        """Return the tuning runs of a candidate that were handed out."""
        return self.search.trials(candidate) if self.plan.tuning_runs(candidate) else []

    def tuned(self, candidate: Candidate) -> bool:
        """Return whether all tuning runs of a candidate are over."""
        over = [trial for trial in self.tuning(candidate) if self.outcome(trial)]
        return len(over) == self.plan.tuning_runs(candidate)

    def chosen(self, candidate: Candidate) -> Trial | None:
        """Return the tuning run that validates best so far; nothing when none ended well.

        A candidate with one setting needs no tuning.
        """
        if not self.plan.tuning_runs(candidate):
            settings = self.plan.first_points(candidate)[0]
            return Trial(candidate.name, "tuning", 0, 0, settings)
        done = [(t, o) for t in self.tuning(candidate) if (o := self.outcome(t))]
        well = [(t, o) for t, o in done if o.status == "ok"]
        return max(well, key=lambda pair: pair[1].validation, default=(None, None))[0]

    def finals(self, candidate: Candidate) -> list[Trial]:
        """Return the runs that count of a candidate, once its settings are chosen."""
        chosen = self.chosen(candidate) if self.tuned(candidate) else None
        if chosen is None:
            return []
        return [
            Trial(candidate.name, "final", chosen.point, seed, chosen.settings)
            for seed in self.plan.seeds_of(candidate)
        ]

    def open_runs(self) -> Iterator[Trial]:
        """Yield runs that have no outcome, handing out new ones as they are asked for.

        Tuning first, those with fewest runs ahead; then the runs that count, seed by seed.
        """
        tuned = sorted(
            (c for c in self.plan.candidates if not self.tuned(c)),
            key=lambda candidate: len(self.tuning(candidate)),
        )
        for candidate in tuned:
            yield from (t for t in self.tuning(candidate) if self.outcome(t) is None)
            while (trial := self.search.ask(candidate, self.score)) is not None:
                if self.outcome(trial) is None:
                    yield trial
        finals = [trial for c in self.plan.candidates for trial in self.finals(c)]
        yield from (t for t in sorted(finals, key=lambda t: t.seed) if self.outcome(t) is None)

    def score(self, trial: Trial) -> float | None:
        """Return what a tuning run found: nothing when it is not over, or may be tried again."""
        outcome = self.outcome(trial)
        return None if outcome is None or outcome.status == "crashed" else outcome.validation

    def retry_crashed(self) -> None:
        """Let crashed runs be tried again, from their last checkpoint if they have one."""
        for trial, outcome in self.outcomes().items():
            if outcome.status == "crashed":
                self._read.pop(trial)
                for name in (OUTCOME, CRASH):
                    (self.run(trial) / name).unlink(missing_ok=True)

    def lock(self, trial: Trial) -> FileLock:
        """Return the lock that the process of a run holds; the kernel releases it at its end."""
        path = self.folder / LOCKS / f"{trial.name.replace('/', '-')}.lock"
        path.parent.mkdir(parents=True, exist_ok=True)
        return FileLock(path)

    def taken(self, trial: Trial) -> bool:
        """Return whether a process works on a run, here or on another machine."""
        try:
            with self.lock(trial).acquire(timeout=0):
                return False
        except Timeout:
            return True
