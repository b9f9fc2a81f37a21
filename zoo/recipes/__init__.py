"""Recipes by name; a new one is an entry of the tuple at the end of its dataset's file."""

from zoo.recipes import emoji
from zoo.recipes.recipe import Recipe as Recipe

RECIPES: dict[str, Recipe] = {recipe.name: recipe for recipe in (*emoji.RECIPES,)}
