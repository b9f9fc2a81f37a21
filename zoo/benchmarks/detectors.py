"""Detectors trained on each loss, on generated scenes: AP and the time of a step, side by side.

Every run is a run folder, so that a comparison that was stopped goes on where it was.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from zoo.data.synthetic.scene_drawing import SceneStyle
from zoo.data.synthetic.scenes import build_scenes
from zoo.detection.training import train_detector
from zoo.errors import UsageError
from zoo.files import read_sealed
from zoo.progress import Track, silent
from zoo.recipes import DetectionRecipe, recipes_of
from zoo.recipes.values import read_recipe
from zoo.runs.folder import RECIPE, RESULTS

# Few and large: every loss finds some of them within 150 steps from random weights.
STYLE = SceneStyle(objects=(1, 2), scale=(0.3, 0.6), rotation=10.0)
RECIPES = tuple(
    name
    for name, recipe in recipes_of(DetectionRecipe).items()
    if name.startswith("scenes-") and recipe.network.backbone is None  # all from random weights
)


@dataclass(frozen=True)
class Scenes:
    """What is drawn and learnt: scenes of `side` px, so many epochs of them."""

    count: int = 200
    side: int = 128
    epochs: int = 5


def compare_detectors(
    folder: Path,
    *,
    recipes: Sequence[str] = RECIPES,
    seeds: Sequence[int] = (0, 1, 2),
    scenes: Scenes = Scenes(),
    track: Track = silent,
) -> list[dict[str, Any]]:
    """Train each recipe with each seed in `folder`, and return one row per recipe.

    A row holds the mean and the standard deviation over seeds of AP and AP50 on the test scenes,
    and the median seconds of a training step without data loading, least over the seeds.

    Raises:
        UsageError: the folder holds scenes or runs of other options.
    """
    data = folder / "scenes"
    build_scenes(data, count=scenes.count, classes=2, size=scenes.side, style=STYLE)
    pairs = [(seed, name) for seed in seeds for name in recipes]
    for seed, name in track(pairs, "detectors", len(pairs)):
        run = folder / f"{name}-{seed}"
        recipe = _shortened(recipes_of(DetectionRecipe)[name], scenes.side, scenes.epochs)
        if (run / RESULTS).is_file():
            _refuse_other(run, recipe)
        else:
            train_detector(recipe, data, run, seed=seed, resume=run.exists(), track=track)
    return [_row(name, [_results(folder / f"{name}-{seed}") for seed in seeds]) for name in recipes]


def _shortened(recipe: DetectionRecipe, side: int, epochs: int) -> DetectionRecipe:
    schedule = replace(recipe.schedule, epochs=epochs, decay_at=(epochs - 1,))
    return replace(recipe, data=replace(recipe.data, scale=(side, side)), schedule=schedule)


def _refuse_other(run: Path, recipe: DetectionRecipe) -> None:
    """Raise where a run that is over was one of another recipe: other epochs, say."""
    if read_recipe(run / RECIPE) != recipe:
        raise UsageError(f"{run} was trained with other options", "choose another --out")


def _results(run: Path) -> dict[str, Any]:
    return read_sealed(run / RESULTS)


def _row(name: str, results: Sequence[dict[str, Any]]) -> dict[str, Any]:
    row: dict[str, Any] = {"recipe": name, "seeds": len(results)}
    for metric in ("ap", "ap_50"):
        values = [result["metrics"][metric] for result in results]
        row[metric] = mean(values)
        row[f"{metric}_deviation"] = stdev(values) if len(values) > 1 else 0.0
    return {**row, "step_seconds": min(result["seconds_per_step"] for result in results)}
