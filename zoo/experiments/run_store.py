"""The folder of a comparison: one subfolder a run, its outcome, and the lock of who works on it."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from safetensors.torch import load_file, save_file
from torch import Tensor

from zoo.errors import UsageError
from zoo.experiments.plan import Trial
from zoo.files import atomic_path, write_json
from zoo.recipes.recipe import Recipe
from zoo.recipes.values import to_json

Status = Literal["ok", "diverged", "unfit", "crashed"]
RUNS, LOCKS, SETTINGS = "runs", "locks", "comparison.json"
OUTCOME, CRASH, PER_QUERY = "outcome.json", "crash.txt", "per_query.safetensors"


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


class RunStore:
    """What is known of each run, on disk, so that any number of processes see the same."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._read: dict[Trial, Outcome] = {}  # what is over stays so

    def run(self, trial: Trial) -> Path:
        """Return the run folder of a trial."""
        return self.folder / RUNS / trial.name

    def open(self, settings: Mapping[str, Any]) -> None:
        """Create the folder, or check that it holds a comparison under the same settings.

        Learning rates may be added behind those it was begun with: the grid grows, and only
        what is missing is run.

        Raises:
            UsageError: the folder holds something else, or a comparison that differs; says in what.
        """
        path = self.folder / SETTINGS
        if not path.exists():
            if self.folder.exists() and any(self.folder.iterdir()):
                raise UsageError(f"{self.folder} holds something else", "choose another --out")
            write_json(path, settings)
            return
        before: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        now: dict[str, Any] = json.loads(json.dumps(settings))
        for key, value in now.items():
            if before.get(key) != value and not (key == "rates" and _grows(before[key], value)):
                raise UsageError(
                    f"{self.folder} was begun with another {key}: {before.get(key)}, now {value}",
                    "go on with the same command, or choose another --out",
                )
        if before != now:
            write_json(path, now)

    def outcome(self, trial: Trial, recipe: Recipe) -> Outcome | None:
        """Return how a run ended, or nothing when it has not.

        Raises:
            UsageError: it was run under another recipe.
        """
        if trial in self._read:
            return self._read[trial]
        path = self.run(trial) / OUTCOME
        if not path.exists():
            return None
        value: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if value.pop("recipe") != to_json(recipe):
            raise UsageError(
                f"{self.run(trial)} was run under another recipe",
                "remove that folder to run it again, or choose another --out",
            )
        return self._read.setdefault(trial, Outcome(**value))

    def forget(self, trial: Trial) -> None:
        """Let a run be tried again, from its last checkpoint if it has one."""
        self._read.pop(trial, None)
        for name in (OUTCOME, CRASH):
            (self.run(trial) / name).unlink(missing_ok=True)

    def lock(self, trial: Trial) -> int | None:
        """Take a run for this process: the open lock, or nothing when another has it.

        The kernel lets go of it when every process that holds the descriptor is gone, however
        they end; a child inherits it, so that a run stays taken when its parent is killed.
        """
        import fcntl  # not on Windows

        path = self.folder / LOCKS / f"{trial.name.replace('/', '-')}.lock"
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        return descriptor

    def unlock(self, descriptor: int) -> None:
        """Let go of a lock that `lock` returned."""
        os.close(descriptor)


def _grows(before: Sequence[float], now: Sequence[float]) -> bool:
    """Return whether a grid keeps its learning rates in place and adds others behind them."""
    return list(now[: len(before)]) == list(before)


def write_outcome(run: Path, recipe: Mapping[str, Any], outcome: Outcome) -> None:
    """Write how the run of a recipe ended: from now on it is over."""
    write_json(run / OUTCOME, {**asdict(outcome), "recipe": recipe})


def write_values(run: Path, values: Mapping[str, Tensor]) -> None:
    """Keep a run's value of every query and metric."""
    with atomic_path(run / PER_QUERY) as temporary:
        kept = {name: value.double().contiguous().clone() for name, value in values.items()}
        save_file(kept, temporary)


def read_values(run: Path) -> dict[str, Tensor]:
    """Return a run's value of every query and metric; nothing of a run that was not evaluated."""
    path = run / PER_QUERY
    return load_file(path) if path.exists() else {}
