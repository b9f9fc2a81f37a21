"""The whole comparison as frozen values: who, how often, on what; and each run it consists of."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Literal

from zoo.experiments.candidate import Candidate, Changes
from zoo.recipes.recipe import Recipe

Stage = Literal["tuning", "final"]
TUNING_SEED = 0
CURVE_POINTS = 3  # validations of a tuning run: its learning curve
CHECKPOINT_EVERY = 100  # steps lost at most when a run is killed


@dataclass(frozen=True)
class Trial:
    """One run: a candidate at a point of its grid, for one seed."""

    candidate: str
    stage: Stage
    point: int
    seed: int

    @property
    def name(self) -> str:
        """The run's folder within the comparison."""
        return f"{self.candidate}/{self.stage}-{self.point}-seed-{self.seed}"


@dataclass(frozen=True)
class Plan:
    """What is compared: one base recipe, the candidates, the grid that all share, the seeds.

    Tuning trains on a part of the training classes and chooses on the rest of them (`validation`
    is their share); the runs that count train on all training classes and are evaluated once.
    """

    base: Recipe
    candidates: tuple[Candidate, ...]
    seeds: int = 3
    rates: tuple[float, ...] = ()
    steps: int = 400
    tuning_steps: int = 100
    validation: float = 0.2

    def candidate(self, name: str) -> Candidate:
        """Return the candidate called `name`."""
        return next(c for c in self.candidates if c.name == name)

    def points(self, candidate: Candidate) -> list[Changes]:
        """Return a candidate's grid."""
        return candidate.points(self.rates)

    def tuning(self) -> list[Trial]:
        """Return the runs that choose, one grid point of everyone at a time."""
        grids = {c.name: len(self.points(c)) for c in self.candidates}
        return [
            Trial(name, "tuning", point, TUNING_SEED)
            for point in range(max(grids.values(), default=0))
            for name, size in grids.items()
            if size > 1 and point < size
        ]

    def finals(self, chosen: dict[str, int]) -> list[Trial]:
        """Return the runs that count of candidates whose point is chosen, one seed at a time."""
        return [
            Trial(c.name, "final", chosen[c.name], seed)
            for seed in range(self.seeds)
            for c in self.candidates
            if c.name in chosen and (seed == 0 or c.loss is not None or self.headed)
        ]

    @property
    def headed(self) -> bool:
        """Whether the network has a head drawn from the seed: then untrained ones differ too."""
        return self.base.network.dim is not None

    def recipe(self, trial: Trial) -> Recipe:
        """Return the complete recipe of a run."""
        if trial not in self._recipes:
            self._recipes[trial] = self._recipe(trial)
        return self._recipes[trial]

    @cached_property
    def _recipes(self) -> dict[Trial, Recipe]:
        return {}

    def _recipe(self, trial: Trial) -> Recipe:
        candidate = self.candidate(trial.candidate)
        point = self.points(candidate)[trial.point]
        tuning = trial.stage == "tuning"
        recipe = candidate.recipe(self.base, point, self.tuning_steps if tuning else self.steps)
        every = max(1, (recipe.schedule.steps or 0) // CURVE_POINTS) if tuning else 0
        engine = replace(recipe.engine, evaluate_every=every, checkpoint_every=CHECKPOINT_EVERY)
        return replace(recipe, engine=engine)

    @property
    def runs(self) -> int:
        """How many runs there are when every candidate gets through."""
        everyone = {candidate.name: 0 for candidate in self.candidates}
        return len(self.tuning()) + len(self.finals(everyone))


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
    """Return the learning rates of the shared grid: the recipe's own times each factor."""
    return tuple(float(f"{base.optimiser.lr * factor:.3g}") for factor in factors)
