"""Recipes by name; a new one is an entry of the tuple at the end of its dataset's file."""

from zoo.recipes import (
    captions,
    cars,
    cub,
    dyml,
    emoji,
    inaturalist,
    inshop,
    landmarks,
    scenes,
    sop,
    vehicleid,
    voc,
)
from zoo.recipes.recipe import Recipe as Recipe
from zoo.recipes.scores import ScoreRecipe as ScoreRecipe

RECIPES: dict[str, Recipe] = {
    recipe.name: recipe
    for shelf in (emoji, captions, sop, cub, cars, inshop, inaturalist, vehicleid, landmarks, dyml)
    for recipe in shelf.RECIPES
}

# Recipes of another kind: they train scores of images, not embeddings.
SCORE_RECIPES: dict[str, ScoreRecipe] = {r.name: r for r in (*voc.RECIPES, *scenes.RECIPES)}
