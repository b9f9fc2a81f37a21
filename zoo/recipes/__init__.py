"""Recipes by name; a new one is an entry of the tuple at the end of its dataset's file."""

from zoo.recipes import emoji, scenes, voc
from zoo.recipes.recipe import Recipe as Recipe
from zoo.recipes.scores import ScoreRecipe as ScoreRecipe

RECIPES: dict[str, Recipe] = {recipe.name: recipe for recipe in (*emoji.RECIPES,)}

# Recipes of another kind: they train scores of pictures, not embeddings.
SCORE_RECIPES: dict[str, ScoreRecipe] = {r.name: r for r in (*voc.RECIPES, *scenes.RECIPES)}
