"""From what a person types to a recipe: a name or a file, then a model, a loss, single values."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.errors import UsageError, suggestion
from zoo.recipes import RECIPES, AnyRecipe
from zoo.recipes.changes import check_losses, override
from zoo.recipes.detector import DetectionRecipe
from zoo.recipes.idle import keys_of, refuse_idle
from zoo.recipes.own_boxes import own_detector
from zoo.recipes.own_images import own_recipe
from zoo.recipes.own_scores import own_scores
from zoo.recipes.recipe import Recipe
from zoo.recipes.scores import ScoreRecipe
from zoo.recipes.values import read_recipe


@dataclass(frozen=True)
class Choice:
    """A recipe by name or file, or the model and loss that stand for one, with its changes.

    With a recipe, `model` and `loss` replace its backbone and its loss. A detector, or a detector's
    recipe as the model, is one for own boxes; a `task` is one of own labels or values, in a
    manifest's `column`. changes: `key=value`, in order.
    """

    name: str | None = None
    model: str | None = None
    loss: str | None = None
    changes: Sequence[str] = ()
    batch_size: int | None = None
    detector: str | None = None
    task: str | None = None
    column: str | None = None

    @property
    def kind(self) -> type[AnyRecipe]:
        """What kind of recipe is chosen, before anything in it is changed.

        Raises:
            UsageError: no such recipe.
        """
        if self.name is not None:
            return type(known_recipe(self.name))
        if self.task is not None and self.detector is None:
            return ScoreRecipe
        return DetectionRecipe if self.of_own_boxes else Recipe

    @property
    def of_own_boxes(self) -> bool:
        """Whether a detector is chosen, by its name or by that of its recipe as the model."""
        known = RECIPES.get(self.model or "")
        return self.detector is not None or isinstance(known, DetectionRecipe)


def find_recipe(choice: Choice) -> AnyRecipe:
    """Return the recipe that is chosen, with its changes.

    Raises:
        UsageError: no such recipe, loss or key; neither a recipe nor a model; something that this
            kind of recipe does not have, or makes no use of.
    """
    recipe: AnyRecipe
    name, model, loss = choice.name, choice.model, choice.loss
    if choice.task is not None:
        recipe = _of_task(choice.task, choice)
    elif name is None and choice.of_own_boxes:
        recipe = own_boxes(model, loss, choice.detector)
    elif name is not None:
        if choice.detector is not None:
            raise UsageError(f"{name} has its detector", "leave --detector out, or the recipe")
        recipe = known_recipe(name)
        recipe = _replaced(recipe, "--model", "network.backbone", model)
        recipe = _replaced(recipe, "--loss", "loss.name", loss)
    elif model is None:
        raise UsageError("give --model", "or name a recipe: rankzoo list shows them")
    else:
        recipe = own_recipe(model, loss)
    recipe = _replaced(recipe, "--batch-size", "batch.size", choice.batch_size)
    recipe = _replaced(recipe, "--column", "data.column", choice.column)
    if isinstance(recipe, Recipe):
        check_losses(recipe)
    recipe = overridden(recipe, choice.changes)
    kind = type(recipe)
    refuse_idle(recipe, [key for change in choice.changes for key in keys_of(kind, change)])
    return recipe


def _of_task(task: str, choice: Choice) -> ScoreRecipe:
    if (other := choice.name or choice.detector) is not None:
        raise UsageError(f"--task: {other} has its own", "leave one of them out")
    return own_scores(task, choice.model, choice.loss)


def own_boxes(model: str | None, loss: str | None, detector: str | None) -> DetectionRecipe:
    """Return the recipe for own boxes: of a detector by name, or of a recipe given as the model."""
    known = RECIPES.get(model or "")
    if not isinstance(known, DetectionRecipe):
        return own_detector(detector or "", loss, model)
    if detector is not None and detector != known.network.detector:
        raise UsageError(f"{known.name} is a {known.network.detector}", "leave --detector out")
    return own_detector(known, loss)


def find_embedder_recipe(choice: Choice) -> Recipe:
    """Return a recipe as `find_recipe` does, which must be one of an embedder."""
    recipe = find_recipe(choice)
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
        hint = suggestion(name, RECIPES, "rankzoo list shows all of them")
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


def _replaced(recipe: AnyRecipe, flag: str, key: str, value: Any) -> AnyRecipe:
    """Return the recipe with what a flag gives; a new loss comes without the old one's options."""
    if value is None:
        return recipe
    section, _, name = key.partition(".")
    if not hasattr(getattr(recipe, section, None), name):
        raise UsageError(f"{recipe.name} takes no {flag}", "--show-config lists what --set changes")
    return override(recipe, section if name == "name" else key, json.dumps(value))
