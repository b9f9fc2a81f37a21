"""Recipes by name; a new one is an entry of the tuple at the end of its dataset's file."""

from zoo.recipes import cars, cub, dyml, emoji, inaturalist, inshop, landmarks, sop, vehicleid
from zoo.recipes.recipe import Recipe as Recipe

RECIPES: dict[str, Recipe] = {
    recipe.name: recipe
    for shelf in (emoji, sop, cub, cars, inshop, inaturalist, vehicleid, landmarks, dyml)
    for recipe in shelf.RECIPES
}
