"""Recipes by name; a new one is an entry of the tuple at the end of its dataset's file."""

from zoo.recipes import (
    captions,
    cars,
    cub,
    detection,
    dyml,
    emoji,
    inaturalist,
    inshop,
    installed,
    landmarks,
    memorability,
    rambo,
    scenes,
    sfm120k,
    sop,
    sorters,
    suprank,
    vehicleid,
    voc,
)
from zoo.recipes.detector import DetectionRecipe as DetectionRecipe
from zoo.recipes.recipe import Recipe as Recipe
from zoo.recipes.scores import ScoreRecipe as ScoreRecipe
from zoo.recipes.sorters import SorterRecipe as SorterRecipe
from zoo.recipes.values import AnyRecipe as AnyRecipe
from zoo.recipes.values import Chosen

EMBEDDERS = (
    emoji,
    captions,
    installed,
    sop,
    cub,
    cars,
    inshop,
    inaturalist,
    vehicleid,
    landmarks,
    sfm120k,
    dyml,
    suprank,
    rambo,
)

RECIPES: dict[str, AnyRecipe] = {
    recipe.name: recipe
    for shelf in (*EMBEDDERS, voc, memorability, scenes, sorters, detection)
    for recipe in shelf.RECIPES
}


def recipes_of(kind: type[Chosen]) -> dict[str, Chosen]:
    """Return the recipes of one kind: `Recipe` are those of embedders."""
    return {name: recipe for name, recipe in RECIPES.items() if isinstance(recipe, kind)}
