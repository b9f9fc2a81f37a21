"""From what a person types to a recipe: a name or a file, then a model, a loss, single values."""

import json
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from zoo.errors import UsageError
from zoo.recipes import RECIPES, AnyRecipe
from zoo.recipes.detector import DetectionRecipe
from zoo.recipes.own_boxes import own_detector
from zoo.recipes.own_images import own_recipe
from zoo.recipes.own_scores import own_scores
from zoo.recipes.recipe import Recipe
from zoo.recipes.scores import ScoreRecipe
from zoo.recipes.values import check_losses, override, read_recipe


def find_recipe(
    name: str | None = None,
    model: str | None = None,
    loss: str | None = None,
    changes: Sequence[str] = (),
    batch_size: int | None = None,
    detector: str | None = None,
    task: str | None = None,
    column: str | None = None,
) -> AnyRecipe:
    """Return a recipe by name or file, or the one of a model and perhaps a loss, with its changes.

    With a recipe, `model` and `loss` replace its backbone and its loss. A detector, or a detector's
    recipe as the model, is one for own boxes; a `task` is one of own labels or values, in a
    manifest's `column`.

    Raises:
        UsageError: no such recipe, loss or key; neither a recipe nor a model; something that this
            kind of recipe does not have.
    """
    recipe: AnyRecipe
    if task is not None:
        recipe = _of_task(task, name or detector, model, loss)
    elif trains_own_boxes(name, model, detector):
        recipe = own_boxes(model, loss, detector)
    elif name is not None:
        recipe = known_recipe(name)
        recipe = _replaced(recipe, "--model", "network.backbone", model)
        recipe = _replaced(recipe, "--loss", "loss.name", loss)
    elif model is None:
        raise UsageError("give --model", "or name a recipe: rankzoo list shows them")
    else:
        recipe = own_recipe(model, loss)
    recipe = _replaced(recipe, "--batch-size", "batch.size", batch_size)
    recipe = _replaced(recipe, "--column", "data.column", column)
    if isinstance(recipe, Recipe):
        check_losses(recipe)
    return overridden(recipe, changes)


def trains_own_boxes(name: str | None, model: str | None, detector: str | None) -> bool:
    """Whether a detector is named and no recipe.

    Raises:
        UsageError: both are.
    """
    if name is not None and detector is not None:
        raise UsageError(f"{name} has its detector", "leave --detector out, or the recipe")
    return name is None and (detector is not None or _is_detector_recipe(model))


def _of_task(task: str, other: str | None, model: str | None, loss: str | None) -> ScoreRecipe:
    if other is not None:
        raise UsageError(f"--task: {other} has its own", "leave one of them out")
    return own_scores(task, model, loss)


def own_boxes(model: str | None, loss: str | None, detector: str | None) -> DetectionRecipe:
    """Return the recipe for own boxes: of a detector by name, or of a recipe given as the model."""
    known = RECIPES.get(model or "")
    if not isinstance(known, DetectionRecipe):
        return own_detector(detector or "", loss, model)
    if detector is not None and detector != known.network.detector:
        raise UsageError(f"{known.name} is a {known.network.detector}", "leave --detector out")
    return own_detector(known, loss)


def find_embedder_recipe(
    name: str | None = None,
    model: str | None = None,
    loss: str | None = None,
    changes: Sequence[str] = (),
    batch_size: int | None = None,
) -> Recipe:
    """Return a recipe as `find_recipe` does, which must be one of an embedder."""
    recipe = find_recipe(name, model, loss, changes, batch_size)
    if not isinstance(recipe, Recipe):
        raise UsageError(f"{recipe.name} trains no embedder", "name a recipe of an embedder")
    return recipe


def known_recipe(name: str) -> AnyRecipe:
    """Return a recipe by its name, or the one in a .json file.

    Raises:
        UsageError: no such recipe; names the nearest.
    """
    if name.endswith(".json"):
        return read_recipe(Path(name))
    if name not in RECIPES:
        near = get_close_matches(name, RECIPES, n=1, cutoff=0.4)
        hint = f"did you mean {near[0]}?" if near else "rankzoo list shows all of them"
        raise UsageError(f"recipe {name!r} is unknown", hint)
    return RECIPES[name]


def overridden(recipe: AnyRecipe, changes: Sequence[str]) -> AnyRecipe:
    """Return the recipe after `key=value` changes, in order."""
    for change in changes:
        key, equals, value = change.partition("=")
        if not equals:
            raise UsageError(f"--set {change}: no value", "write --set key=value")
        recipe = override(recipe, key, value)
    return recipe


def _is_detector_recipe(name: str | None) -> bool:
    return isinstance(RECIPES.get(name or ""), DetectionRecipe)


def _replaced(recipe: AnyRecipe, flag: str, key: str, value: Any) -> AnyRecipe:
    """Return the recipe with what a flag gives; a new loss comes without the old one's options."""
    if value is None:
        return recipe
    section, _, name = key.partition(".")
    if not hasattr(getattr(recipe, section, None), name):
        raise UsageError(f"{recipe.name} takes no {flag}", "--show-config lists what --set changes")
    return override(recipe, section if name == "name" else key, json.dumps(value))
