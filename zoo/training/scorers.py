"""Scorers, of labels or an attribute, from a recipe and what the command line told."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from zoo.data.datasets.lamem import is_lamem, read_lamem
from zoo.data.scored import ScoredSet, read_attribute, read_voc_scores
from zoo.data.synthetic.scenes import build_scenes
from zoo.errors import UsageError
from zoo.hub import resolve_model
from zoo.models import read_config
from zoo.models.scorer import Scorer, ScorerConfig, build_scorer
from zoo.progress import Track, silent
from zoo.recipes.scores import ScoreRecipe
from zoo.recipes.values import to_json
from zoo.runs.folder import RunResult
from zoo.runs.options import TrainOptions
from zoo.runs.record import Listener
from zoo.training.checks import check_start
from zoo.training.score_loader import check_batch
from zoo.training.scores import fit_scores


def plan(recipe: ScoreRecipe, options: TrainOptions) -> dict[str, Any]:
    """Say what a run would do; data that is there is read and checked, scenes are not drawn."""
    check_start(recipe.network.backbone)
    path = _given(recipe, options.data)
    facts = {"run": str(options.out), **to_json(recipe), "read": str(path)}
    if recipe.data.scenes and not path.exists():
        return {**facts, "scenes_drawn": recipe.data.scenes}
    training, test = read_scored(recipe, path)
    check_batch(recipe, training)
    return {**facts, "training_images": len(training), "evaluation_images": len(test)}


def train(
    recipe: ScoreRecipe,
    options: TrainOptions,
    track: Track = silent,
    listeners: Sequence[Listener] = (),
) -> RunResult:
    """Train; return the result."""
    check_start(recipe.network.backbone)
    parts = read_scored(recipe, options.data, track)
    check_batch(recipe, parts[0])
    model = scorer_of(recipe, parts[0].outputs, offline=options.offline, seed=options.seed)
    return fit_scores(recipe, parts, model, options.out, **options.carried_out(track, listeners))


def read_scored(
    recipe: ScoreRecipe, path: Path | None, track: Track = silent
) -> tuple[ScoredSet, ScoredSet]:
    """Read the training and the test images of a recipe; draw scenes if it says so.

    Labels come from a VOC folder (trainval and test), an attribute from LaMem's folder, a CSV with
    columns `path,split,<column>` (train and test) or a folder of scenes.
    """
    path = _given(recipe, path)
    if recipe.data.scenes and not path.exists():
        build_scenes(path, count=recipe.data.scenes, track=track)
    if recipe.task == "labels":
        return read_voc_scores(path, "trainval"), read_voc_scores(path, "test")
    if is_lamem(path):
        return read_lamem(path, "train"), read_lamem(path, "test")
    table = path / "attributes.csv" if path.is_dir() else path
    column = recipe.data.column
    return read_attribute(table, column, "train"), read_attribute(table, column, "test")


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
    native = read_config(folder).at_size(recipe.network.size)
    inputs = replace(native.preprocessing, crop_mode=recipe.network.crop_mode)
    head = (recipe.network.hidden, recipe.network.pooling)
    config = ScorerConfig(native.architecture, inputs, outputs, *head)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return build_scorer(config, folder)


def _given(recipe: ScoreRecipe, path: Path | None) -> Path:
    if path is None:
        raise UsageError("no data", f"give --data, for example --data {recipe.name}/")
    return path
