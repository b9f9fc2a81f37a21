"""How a run ended, and what it measured query by query: two files in its folder."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from math import nan
from pathlib import Path
from typing import Any, Literal

from torch import Tensor

from zoo.files import (
    Blame,
    as_object,
    read_sealed,
    read_tensors,
    typed,
    write_sealed,
    write_tensors,
)

Status = Literal["ok", "diverged", "unfit", "crashed"]
OUTCOME, CRASH, PER_QUERY = "outcome.json", "crash.txt", "per_query.safetensors"
AGAIN = Blame(hint="remove the folder of this run, and compare goes on without it")
CHOSEN_BY = ("map_at_r", "rsum")  # of images, of captions


@dataclass(frozen=True)
class Outcome:
    """How a run ended. `note` says why when it did not end well.

    "diverged": the loss or the embeddings stopped being finite. "unfit": the data or the recipe
    does not allow this loss. "crashed": anything else; another call tries it again.
    """

    status: Status
    note: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    step_seconds: float = 0.0
    memory_bytes: int = 0

    @property
    def validation(self) -> float:
        """The number by which tuning chooses; NaN of a run that did not end well."""
        if self.status != "ok":
            return nan
        return next(self.metrics[name] for name in CHOSEN_BY if name in self.metrics)


def write_outcome(run: Path, recipe: Mapping[str, Any], outcome: Outcome) -> None:
    """Write how the run of a recipe ended: from now on it is over."""
    write_sealed(run / OUTCOME, {**asdict(outcome), "recipe": recipe})


def read_outcome(path: Path) -> tuple[Outcome, Mapping[str, Any]]:
    """Return how a run ended, and the recipe that it is the outcome of.

    Raises:
        IntegrityError: the file is not what was written.
    """
    value = read_sealed(path, AGAIN)
    recipe = as_object(value.pop("recipe", None), path, AGAIN)
    return typed(Outcome, value, path, AGAIN), recipe


def write_values(run: Path, values: Mapping[str, Tensor]) -> None:
    """Keep a run's value of every query and metric."""
    write_tensors(run / PER_QUERY, {name: value.double().clone() for name, value in values.items()})


def read_values(run: Path) -> dict[str, Tensor]:
    """Return a run's value of every query and metric; nothing of a run that was not evaluated."""
    path = run / PER_QUERY
    return read_tensors(path, AGAIN) if path.exists() else {}
