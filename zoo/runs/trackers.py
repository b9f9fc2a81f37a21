"""Where a run's record goes beside metrics.jsonl: TensorBoard, Weights & Biases, MLflow.

A package is imported when a run opens its tracker, never before. Each reads its own settings
(`WANDB_MODE=offline`, `MLFLOW_TRACKING_URI`); a resumed run is a new one there, from its step on.
"""

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from zoo.errors import UsageError

PROJECT = "rankzoo"
Numbers = Mapping[str, Any]


@runtime_checkable
class Tracker(Protocol):
    """Takes numbers by name until it is closed."""

    def write(self, step: int, numbers: Numbers) -> None:
        """Take the numbers of an update."""

    def close(self) -> None:
        """Send what is left."""


class TensorBoard:
    """Writes event files into the run's folder `tensorboard`."""

    def __init__(self, run: Path, first: int, recipe: Numbers) -> None:  # noqa: ARG002
        from torch.utils.tensorboard import SummaryWriter

        self._board: Any = SummaryWriter(run / "tensorboard", purge_step=first + 1)

    def write(self, step: int, numbers: Numbers) -> None:
        """Take the numbers of an update."""
        for name, value in numbers.items():
            self._board.add_scalar(name, value, step)

    def close(self) -> None:
        """Close the file."""
        self._board.close()


class WeightsAndBiases:
    """A run of the project `rankzoo`, with the recipe as its configuration."""

    def __init__(self, run: Path, first: int, recipe: Numbers) -> None:  # noqa: ARG002
        wandb: Any = import_module("wandb")
        self._run = wandb.init(project=PROJECT, name=run.name, dir=run, config=dict(recipe))

    def write(self, step: int, numbers: Numbers) -> None:
        """Take the numbers of an update."""
        self._run.log(dict(numbers), step=step)

    def close(self) -> None:
        """Wait until all of it is sent."""
        self._run.finish()


class MLflow:
    """A run of the experiment `rankzoo`, with the recipe's name as a tag."""

    def __init__(self, run: Path, first: int, recipe: Numbers) -> None:  # noqa: ARG002
        self._client: Any = import_module("mlflow").MlflowClient()
        known = self._client.get_experiment_by_name(PROJECT)
        experiment = known.experiment_id if known else self._client.create_experiment(PROJECT)
        tags = {"recipe": str(recipe.get("name", ""))}
        self._id = self._client.create_run(experiment, run_name=run.name, tags=tags).info.run_id

    def write(self, step: int, numbers: Numbers) -> None:
        """Take the numbers of an update."""
        for name, value in numbers.items():
            self._client.log_metric(self._id, name, value, step=step)

    def close(self) -> None:
        """Mark the run as over."""
        self._client.set_terminated(self._id)


TRACKERS: dict[str, Callable[[Path, int, Numbers], Tracker]] = {
    "tensorboard": TensorBoard,
    "wandb": WeightsAndBiases,
    "mlflow": MLflow,
}


def check_trackers(names: Sequence[str]) -> None:
    """Raise unless every tracker is known and installed; `none` stands alone.

    Raises:
        UsageError: it is not; the hint names the extra.
    """
    for name in names:
        if name != "none" and name not in TRACKERS:
            raise UsageError(f"--track {name}: unknown", f"one of {', '.join([*TRACKERS, 'none'])}")
        if name != "none" and find_spec(name) is None:
            raise UsageError(f"--track {name} needs {name}", "pip install 'rankzoo[trackers]'")
    if "none" in names and len(names) > 1:
        raise UsageError("--track none stands beside another tracker", "leave one of them out")


def open_trackers(names: Sequence[str], run: Path, first: int, recipe: Numbers) -> list[Tracker]:
    """Open the trackers of a run whose record begins after update `first`.

    No name means TensorBoard where it is installed.
    """
    chosen = names or [name for name in ("tensorboard",) if find_spec(name)]
    return [TRACKERS[name](run, first, recipe) for name in chosen if name != "none"]
