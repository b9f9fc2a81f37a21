"""What the command line orders beside embeddings: a sorter, or a model of scores."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from zoo.data.scored import ScoredSet, read_attribute, read_voc_scores
from zoo.data.synthetic.scenes import build_scenes
from zoo.device import pick_device
from zoo.errors import UsageError
from zoo.hub import resolve_model
from zoo.models import read_config
from zoo.models.scorer import Scorer, ScorerConfig, build_scorer
from zoo.progress import Track, silent
from zoo.recipes import SCORE_RECIPES, ScoreRecipe
from zoo.recipes.values import override_section
from zoo.sorters.fit import SORTER_RECIPES, SorterRecipe, fit_sorter
from zoo.training.scores import fit_scores

RankRecipe = SorterRecipe | ScoreRecipe


def find_rank_recipe(
    name: str | None,
    changes: Sequence[str] = (),
    *,
    seed: int = 0,
    batch_size: int | None = None,
    model: str | None = None,
    loss: str | None = None,
) -> RankRecipe | None:
    """Return a recipe of this kind with its changes, or None when `name` is not one.

    Raises:
        UsageError: an unknown key, or an option that this kind does not have.
    """
    known: dict[str, RankRecipe] = {**SORTER_RECIPES, **SCORE_RECIPES}
    if name not in known:
        return None
    recipe = known[name]
    if loss is not None or (model is not None and isinstance(recipe, SorterRecipe)):
        raise UsageError(f"{name} takes no --{'loss' if loss else 'model'}", "use --set key=value")
    if isinstance(recipe, SorterRecipe):
        recipe = replace(recipe, seed=seed)
    elif model is not None:
        recipe = replace(recipe, backbone=model)
    for change in changes:
        key, equals, value = change.partition("=")
        if not equals:
            raise UsageError(f"--set {change}: no value", "write --set key=value")
        recipe = override_section(recipe, key, value)
    return recipe if batch_size is None else replace(recipe, batch=batch_size)


@dataclass(frozen=True)
class RankOrder:
    """Everything `rankzoo train` was told about one of these recipes."""

    recipe: RankRecipe
    data: Path | None
    out: Path
    seed: int = 0
    resume: str = "no"
    device: str = "auto"
    workers: int = 0
    offline: bool = False

    def settings(self) -> dict[str, Any]:
        """Return the complete recipe as plain values."""
        return dict(json.loads(json.dumps(asdict(self.recipe))))

    def plan(self) -> dict[str, Any]:
        """Say what a run would do; nothing is read, drawn or downloaded."""
        facts = {"run": str(self.out), **self.settings()}
        return facts | {"data": str(self.data)} if self.data else facts

    def execute(self, track: Track = silent) -> dict[str, Any]:
        """Train; return the result."""
        resume = self.resume == "auto" and (self.out / "recipe.json").is_file()
        if isinstance(self.recipe, SorterRecipe):
            if self.data is not None:
                raise UsageError("sorters learn from synthetic vectors", "leave --data out")
            fitted = fit_sorter(self.recipe, self.out, resume=resume, track=track)
            return {"run": str(fitted.run), "metrics": {"l1": fitted.l1}, "seconds": fitted.seconds}
        training, test = read_scored(self.recipe, self.data, track)
        model = scorer_of(self.recipe, training.outputs, offline=self.offline, seed=self.seed)
        result = fit_scores(
            self.recipe,
            training,
            test,
            model,
            self.out,
            device=str(pick_device(self.device)),
            workers=self.workers,
            seed=self.seed,
            resume=resume,
            track=track,
        )
        return {"run": str(result.run), "metrics": result.metrics, "seconds": result.seconds}


def read_scored(
    recipe: ScoreRecipe, path: Path | None, track: Track = silent
) -> tuple[ScoredSet, ScoredSet]:
    """Read the training and the test images of a recipe; draw scenes if it says so.

    Labels come from a VOC folder (trainval and test), an attribute from a CSV with columns
    `path,split,<column>` (train and test) or a folder of scenes.
    """
    if path is None:
        raise UsageError("no data", f"give --data, for example --data {recipe.name}/")
    if recipe.scenes and not path.exists():
        build_scenes(path, count=recipe.scenes, track=track)
    if recipe.task == "labels":
        return read_voc_scores(path, "trainval"), read_voc_scores(path, "test")
    table = path / "attributes.csv" if path.is_dir() else path
    column = recipe.column
    return read_attribute(table, column, "train"), read_attribute(table, column, "test")


def scorer_of(
    recipe: ScoreRecipe, outputs: tuple[str, ...], *, offline: bool = False, seed: int = 0
) -> Scorer:
    """Find the backbone's weights and put a head drawn from `seed` on it."""
    folder = resolve_model(recipe.backbone, offline=offline)
    native = read_config(folder).at_size(recipe.size)
    config = ScorerConfig(native.architecture, native.preprocessing, outputs, recipe.hidden)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return build_scorer(config, folder)
