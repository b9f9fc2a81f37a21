"""Detectors from a recipe and what the command line told: plan, training, evaluation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from rich.console import Group
from rich.table import Table

from zoo.detection.evaluation import evaluate_detector
from zoo.detection.training import read_parts, train_detector
from zoo.errors import UsageError
from zoo.evaluation.options import EvalOptions
from zoo.hub.resolve import resolve_model
from zoo.progress import Track, silent
from zoo.recipes.detector import DetectionRecipe
from zoo.recipes.own_boxes import fitted
from zoo.recipes.values import to_json
from zoo.runs.folder import RunResult
from zoo.runs.options import TrainOptions
from zoo.runs.record import Listener
from zoo.training.distributed import join_world, leave_world


def plan(recipe: DetectionRecipe, options: TrainOptions) -> dict[str, Any]:
    """Say what a run would do; the annotations are read and checked, nothing is written."""
    found = read_parts(recipe, _given(recipe, options.data), options.on_bad_image)
    recipe = fitted(recipe, found.sizes)
    facts: dict[str, Any] = {"run": str(options.out), **to_json(recipe)}
    names = (*recipe.data.train, recipe.data.test)
    for name, part in zip(names, (*found.training, found.test), strict=True):
        facts[f"images of {name}"] = part.count
    return facts


def train(
    recipe: DetectionRecipe,
    options: TrainOptions,
    track: Track = silent,
    listeners: Sequence[Listener] = (),
) -> RunResult | None:
    """Train; return the result, or nothing in a process that does not lead."""
    data = _given(recipe, options.data)
    how = options.carried_out(track, listeners)
    world = join_world(torch.device(how["device"]))
    how["track"] = track if world.leads else silent
    offline, bad = options.offline, options.on_bad_image
    try:
        found = train_detector(recipe, data, options.out, offline=offline, on_bad_image=bad, **how)
    finally:
        leave_world()
    return found if world.leads else None


@dataclass(frozen=True)
class DetectorResult:
    """What a detector reached on a part of a set, for a person and for a program."""

    model: str
    found: Mapping[str, Any]

    def as_json(self) -> dict[str, Any]:
        """Return model, protocol, metrics, and the number of images."""
        return {"model": self.model, **self.found}

    def table(self) -> Group:
        """Return the metrics as a table under its title."""
        title = f"{self.model}: {self.found['protocol']}, {self.found['images']} images"
        table = Table("metric", "value")
        for name, value in self.found["metrics"].items():
            table.add_row(name, f"{100 * value:.1f} %")
        for name, of_class in self.found["classes"].items():
            objects = f"of {of_class['objects']} objects"
            table.add_row(f"ap_50 of {name}", f"{100 * of_class['ap_50']:.1f} % {objects}")
        return Group(title, table)


def evaluate(models: Sequence[str], options: EvalOptions, *_: Any) -> DetectorResult:
    """Measure a detector; what else an evaluation may be told is refused before (`zoo.tasks`)."""
    (name,) = models
    found = evaluate_detector(
        resolve_model(name, offline=options.offline),
        options.data,
        split=options.split,
        on_bad_image=options.on_bad_image,
        how=options.embed,
    )
    return DetectorResult(name, found)


def _given(recipe: DetectionRecipe, data: Path | None) -> Path:
    if data is None:
        raise UsageError("no data", f"give --data with {recipe.data.layout.upper()} annotations")
    return data
