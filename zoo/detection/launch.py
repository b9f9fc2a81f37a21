"""What the command line orders of detectors: training and evaluation."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.table import Table

from zoo.cards.model_files import read_config
from zoo.detection.annotations import find_part
from zoo.detection.storage import is_detector
from zoo.device import pick_device
from zoo.errors import UsageError
from zoo.hub.resolve import resolve_model
from zoo.progress import Track, silent
from zoo.recipes.detection import DETECTION_RECIPES
from zoo.recipes.detector import DetectionRecipe, from_json, to_json
from zoo.recipes.values import override_section


def find_detection_recipe(
    name: str | None,
    changes: Sequence[str] = (),
    *,
    batch_size: int | None = None,
    model: str | None = None,
    loss: Any = None,
) -> DetectionRecipe | None:
    """Return a detector's recipe with its changes, or None when `name` is not one.

    `name` may be the `recipe.json` of a detector's run; `model` replaces the backbone's weights.

    Raises:
        UsageError: an unknown key, or a value of the wrong type.
    """
    recipe = DETECTION_RECIPES.get(name or "") or _from_file(name)
    if recipe is None:
        return None
    if loss is not None:
        recipe = override_section(replace(recipe, loss_options={}), "loss", json.dumps(loss))
    for change in changes:
        key, equals, value = change.partition("=")
        if not equals:
            raise UsageError(f"--set {change}: no value", "write --set key=value")
        recipe = override_section(recipe, key, value)
    recipe = recipe if model is None else replace(recipe, backbone=model)
    return recipe if batch_size is None else replace(recipe, batch=batch_size)


def _from_file(name: str | None) -> DetectionRecipe | None:
    path = Path(name or "")
    if path.suffix != ".json" or not path.is_file():
        return None
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        return None  # the reader of the other recipes says what is wrong
    return from_json(value) if isinstance(value, dict) and "detector" in value else None


@dataclass(frozen=True)
class DetectionOrder:
    """Everything `rankzoo train` was told about a detector."""

    recipe: DetectionRecipe
    data: Path | None
    out: Path
    seed: int = 0
    resume: str = "no"
    device: str = "auto"
    workers: int = 0
    offline: bool = False

    def settings(self) -> dict[str, Any]:
        """Return the complete recipe as plain values."""
        return to_json(self.recipe)

    def plan(self) -> dict[str, Any]:
        """Say what a run would do; the annotations are read and checked, nothing is written."""
        facts: dict[str, Any] = {"run": str(self.out), **self.settings()}
        if self.data is not None:
            recipe = self.recipe
            for name in (*recipe.train, recipe.test):
                part = find_part(self.data, recipe.layout, name, recipe.bad_boxes)
                facts[f"images of {name}"] = part.count
        return facts

    def execute(self, track: Track = silent) -> dict[str, Any]:
        """Train; return the result."""
        from zoo.detection.training import train_detector

        if self.data is None:
            raise UsageError(
                "no data", f"give --data with {self.recipe.layout.upper()} annotations"
            )
        run = train_detector(
            self.recipe,
            self.data,
            self.out,
            device=str(pick_device(self.device)),
            workers=self.workers,
            seed=self.seed,
            resume=self.resume == "auto" and (self.out / "recipe.json").is_file(),
            offline=self.offline,
            track=track,
        )
        return {"run": str(run.run), "metrics": run.metrics, "seconds": run.seconds}


def measure_detector(
    name: str, data: Path, split: str, device: str, workers: int, offline: bool
) -> dict[str, Any] | None:
    """Return what `evaluate_detector` finds, or None when `name` is a model of another kind."""
    from zoo.detection.evaluation import evaluate_detector

    folder = resolve_model(name, offline=offline)
    if not is_detector(read_config(folder)):
        return None
    where = str(pick_device(device))
    found = evaluate_detector(folder, data, split=split, device=where, workers=workers)
    return {"model": name, **found}


def detection_table(found: dict[str, Any]) -> Table:
    """Return what `measure_detector` found as a table for a person."""
    title = f"{found['model']}: {found['protocol']}, {found['images']} images"
    table = Table("metric", "value", title=title)
    for name, value in found["metrics"].items():
        table.add_row(name, f"{100 * value:.1f} %")
    return table
