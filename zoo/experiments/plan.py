"""The whole comparison as frozen values: who, how often, on what; and each run it consists of."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from zoo.experiments.candidate import RATE, Candidate, Changes
from zoo.recipes.recipe import Recipe

Stage = Literal["tuning", "final"]
Method = Literal["tpe", "grid"]
Edge = Literal["", "highest", "lowest"]
TUNING_SEED = 0
CURVE_POINTS = 3  # validations of a tuning run: its learning curve
CHECKPOINT_EVERY = 100  # steps lost at most when a run is killed


@dataclass(frozen=True)
class Trial:
    """One run: a candidate at some settings, for one seed.

    `point` numbers the settings within the candidate's search, from 0.
    """

    candidate: str
    stage: Stage
    point: int
    seed: int
    settings: Changes = field(default_factory=dict, compare=False)

    @property
    def name(self) -> str:
        """The run's folder within the comparison."""
        return f"{self.candidate}/{self.stage}-{self.point}-seed-{self.seed}"


@dataclass(frozen=True)
class Plan:
    """What is compared: one base recipe, the candidates, the search that all share, the seeds.

    Tuning trains on a part of the training classes and chooses on the rest of them (`validation`
    is their share); the runs that count train on all training classes and are evaluated once.
    `rates`: the learning rates of the grid, or the ends of the range that TPE searches.
    `trials`: tuning runs of a candidate under TPE; the grid has as many as it has points.
    """

    base: Recipe
    candidates: tuple[Candidate, ...]
    seeds: int = 3
    rates: tuple[float, ...] = ()
    steps: int = 400
    tuning_steps: int = 100
    validation: float = 0.2
    method: Method = "grid"
    trials: int = 1

    def candidate(self, name: str) -> Candidate:
        """Return the candidate called `name`."""
        return next(c for c in self.candidates if c.name == name)

    def first_points(self, candidate: Candidate) -> list[Changes]:
        """Return the settings that are tried before any is searched for.

        The grid's are all of its points; TPE's is the published one at the middle of the rates.
        """
        if self.method == "grid" or candidate.loss is None:
            return candidate.points(self.rates)
        middle = (min(self.rates) * max(self.rates)) ** 0.5
        return candidate.points([float(f"{middle:.3g}")])[:1]

    def tuning_runs(self, candidate: Candidate) -> int:
        """Return how many runs choose a candidate's settings: none where there is one setting."""
        grid = self.method == "grid" or candidate.loss is None
        runs = len(self.first_points(candidate)) if grid else self.trials
        return runs if runs > 1 else 0

    def seeds_of(self, candidate: Candidate) -> range:
        """Return the seeds of a candidate's runs that count.

        An untrained network has one, unless its head is drawn from the seed.
        """
        differs = candidate.loss is not None or self.base.network.dim is not None
        return range(self.seeds if differs else min(1, self.seeds))

    def recipe(self, trial: Trial) -> Recipe:
        """Return the complete recipe of a run."""
        tuning = trial.stage == "tuning"
        steps = self.tuning_steps if tuning else self.steps
        recipe = self.candidate(trial.candidate).recipe(self.base, trial.settings, steps)
        every = max(1, (recipe.schedule.steps or 0) // CURVE_POINTS) if tuning else 0
        engine = replace(recipe.engine, evaluate_every=every, checkpoint_every=CHECKPOINT_EVERY)
        return replace(recipe, engine=engine)

    @property
    def runs(self) -> int:
        """How many runs there are when every candidate gets through."""
        return sum(self.tuning_runs(c) + len(self.seeds_of(c)) for c in self.candidates)


@dataclass(frozen=True)
class Place:
    """Where and how the runs of a plan are carried out; no result depends on it."""

    folder: Path
    data: Path
    device: str = "cpu"
    workers: int = 0
    offline: bool = False
    on_bad_image: Literal["fail", "skip"] = "fail"


def learning_rates(base: Recipe, factors: Sequence[float]) -> tuple[float, ...]:
    """Return learning rates for the search: the recipe's own times each factor."""
    return tuple(float(f"{base.optimiser.lr * factor:.3g}") for factor in factors)


def at_edge(point: Changes, rates: Sequence[float], method: Method) -> Edge:
    """Return which end of the rates a point lies at, if at any.

    Of a range that was searched, the outer tenth of its factors counts.
    """
    if RATE not in point or min(rates) == max(rates):
        return ""
    low, high = min(rates), max(rates)
    margin = 1.0 if method == "grid" else (high / low) ** 0.1
    if point[RATE] * margin >= high:
        return "highest"
    return "lowest" if point[RATE] <= low * margin else ""
