"""Scorers, of labels or an attribute, from a recipe and what the command line told."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from zoo.data.attribute import read_attribute, with_lamem
from zoo.data.boxes.boxed import Policy
from zoo.data.datasets.videomem import FrameOptions
from zoo.data.scored import ScoredSet, learnable, read_labels
from zoo.data.synthetic.scenes import SCENES, build_scenes
from zoo.errors import UsageError
from zoo.files import read_object
from zoo.hub.resolve import resolve_model
from zoo.models import read_config
from zoo.models.scorer import Scorer, ScorerConfig, build_scorer
from zoo.progress import Track, silent
from zoo.recipes.own_scores import fitted
from zoo.recipes.scores import ScoreRecipe
from zoo.recipes.values import to_json
from zoo.runs.folder import RunResult
from zoo.runs.options import TrainOptions
from zoo.runs.record import Listener
from zoo.training.checks import check_start
from zoo.training.score_loader import check_batch
from zoo.training.scores import fit_scores

logger = logging.getLogger("rankzoo")
SPLITS = ("train", "test")


def plan(recipe: ScoreRecipe, options: TrainOptions) -> dict[str, Any]:
    """Say what a run would do; data that is there is read and checked, scenes are not drawn."""
    check_start(recipe.network.backbone)
    path = _given(recipe, options.data)
    facts = {"run": str(options.out), "read": str(path)}
    if recipe.data.scenes and not path.exists():
        return {**facts, **to_json(recipe), "scenes_drawn": recipe.data.scenes}
    recipe, training, test = prepare(recipe, options, drawn=False)
    counts = {"training_images": len(training), "evaluation_images": len(test)}
    return {**facts, **to_json(recipe), **counts, **described(training, recipe.task)}


def train(
    recipe: ScoreRecipe,
    options: TrainOptions,
    track: Track = silent,
    listeners: Sequence[Listener] = (),
) -> RunResult:
    """Train; return the result."""
    check_start(recipe.network.backbone)
    recipe, *parts = prepare(recipe, options, track)
    training, test = parts
    model = scorer_of(recipe, training.outputs, offline=options.offline, seed=options.seed)
    how = options.carried_out(track, listeners)
    return fit_scores(recipe, (training, test), model, options.out, **how)


def prepare(
    recipe: ScoreRecipe, options: TrainOptions, track: Track = silent, *, drawn: bool = True
) -> tuple[ScoreRecipe, ScoredSet, ScoredSet]:
    """Read what is trained and measured on, and fit one's own recipe to it.

    Raises:
        UsageError, DataError: the data cannot be read, or fills no batch.
    """
    bad = options.on_bad_image
    training, test = read_scored(recipe, options.data, bad, track, drawn=drawn)
    recipe = fitted(recipe, len(training), training.outputs)
    check_batch(recipe, training)
    return recipe, training, test


def read_scored(
    recipe: ScoreRecipe,
    path: Path | None,
    on_bad_image: Policy = "fail",
    track: Track = silent,
    *,
    drawn: bool = True,
) -> tuple[ScoredSet, ScoredSet]:
    """Read the training and the test images of a recipe; draw scenes if it says so.

    Labels come from whatever `read_labels` knows, a value from whatever `read_attribute` does, with
    LaMem beside VideoMem; without `drawn` the frames of videos are named and not yet there.
    """
    path = _given(recipe, path)
    _draw_scenes(path, recipe.data.scenes, track)
    column = recipe.data.column
    if recipe.task == "labels":
        return learnable(*read_labels(path, SPLITS, column, on_bad_image))
    how = FrameOptions(on_bad_image, drawn, track)
    training, test = read_attribute(path, SPLITS, column, how)
    return with_lamem(training, path, how), test


def described(training: ScoredSet, task: str) -> dict[str, Any]:
    """Return what the training images are to be scored: images a class, or the range of values."""
    if task == "labels":
        counts = (training.targets > 0).sum(0).tolist()
        found = dict(zip(training.outputs, map(int, counts), strict=True))
        without = int((training.targets.sum(1) == 0).sum())
        return {"images_of_class": found, "images_without_class": without}
    values = training.targets[:, 0]
    return {
        "value": training.outputs[0],
        "lowest": float(values.min()),
        "mean": float(values.mean()),
        "highest": float(values.max()),
    }


def scorer_of(
    recipe: ScoreRecipe, outputs: tuple[str, ...], *, offline: bool = False, seed: int = 0
) -> Scorer:
    """Find the backbone's weights and put a head drawn from `seed` on it.

    Raises:
        UsageError: an attribute's value has no maps to score.
    """
    if recipe.task == "attribute" and recipe.network.pooling == "wildcat":
        raise UsageError("network.pooling=wildcat scores labels", "set network.pooling=native")
    folder = resolve_model(recipe.network.backbone, offline=offline)
    native, size = read_config(folder), recipe.network.size
    native = native if size is None else native.at_size(size)
    inputs = replace(native.preprocessing, crop_mode=recipe.network.crop_mode)
    head = (recipe.network.hidden, recipe.network.pooling)
    asked = (recipe.task, recipe.data.column)
    config = ScorerConfig(native.architecture, inputs, outputs, *head, *asked)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return build_scorer(config, folder)


def _given(recipe: ScoreRecipe, path: Path | None) -> Path:
    if path is None:
        raise UsageError("no data", f"give --data, for example --data {recipe.name}/")
    return path


def _draw_scenes(path: Path, wanted: int, track: Track) -> None:
    """Draw the scenes that a recipe wants where there is nothing; say how many are there else."""
    if not wanted:
        return
    if not path.exists():
        build_scenes(path, count=wanted, track=track)
    elif (path / SCENES).is_file() and (count := read_object(path / SCENES).get("count")) != wanted:
        logger.warning("%s holds %s scenes: data.scenes=%d draws none", path, count, wanted)
