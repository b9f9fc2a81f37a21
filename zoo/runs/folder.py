"""The run folder: what is in it, and when a run may start or go on there."""

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from zoo.data.dataset import ImageDataset
from zoo.errors import UsageError
from zoo.metrics.evaluation import Evaluation
from zoo.files import refuse_to_overwrite, write_json
from zoo.recipes.recipe import Recipe
from zoo.recipes.values import read_recipe, to_json

RECIPE = "recipe.json"
RESULTS = "results.json"
CHECKPOINTS = "checkpoints"
BEST = "best"
CURVES = "curves.png"


@dataclass(frozen=True)
class RunResult:
    """Where the run is, its last metrics (or its last loss), and the seconds it trained.

    `evaluation` tells the protocol behind the metrics of a retrieval run.
    """

    run: Path
    metrics: dict[str, float]
    seconds: float
    evaluation: Evaluation | None = None


def begin(run: Path, recipe: Recipe, resume: bool) -> None:
    """Create the run folder with its recipe, or check that this recipe may go on in it.

    Raises:
        UsageError: the folder holds something else, or a run of another recipe.
    """
    written = run / RECIPE
    if not (resume and written.exists()):
        refuse_to_overwrite(run)
        write_json(written, to_json(recipe))
        return
    before, now = to_json(read_recipe(written)), to_json(recipe)
    for key in sorted(before.keys() | now.keys()):
        if before.get(key) != now.get(key):
            raise UsageError(
                f"{run} was trained with another {key}: {before.get(key)}, now {now.get(key)}",
                "resume with the run's own recipe.json, or choose another --out",
            )


def fingerprint(dataset: ImageDataset, seed: int, world_size: int) -> dict[str, Any]:
    """Return what beside the recipe must be the same for a run to go on exactly."""
    digest = sha256()
    for item in dataset.items:
        digest.update(f"{item.path.name}\0{item.labels}\0{item.split}\n".encode())
    return {
        "items": len(dataset),
        "data": digest.hexdigest(),
        "seed": seed,
        "processes": world_size,
    }


def check_fingerprint(run: Path, before: dict[str, Any], now: dict[str, Any]) -> None:
    """Raise unless a checkpoint was written by the run that wants it.

    Raises:
        UsageError: naming what differs.
    """
    for key, value in now.items():
        if before.get(key) != value:
            raise UsageError(
                f"{run} cannot go on exactly: {key} was {before.get(key)}, now {value}",
                "use the same data, seed and number of processes, or choose another --out",
            )
