"""The recipe of every set of weights that the package brings makes the network that they are of."""

import json
from pathlib import Path
from typing import Any

import pytest

import zoo.models
from zoo.recipes import RECIPES, DetectionRecipe
from zoo.recipes.values import recipe_of

WEIGHTS = Path(zoo.models.__file__).parent / "weights"
SHIPPED = sorted(path.parent.name for path in WEIGHTS.glob("*/config.json"))


def test_some_weights_of_recipes_are_shipped() -> None:
    assert {"emoji-sup_hap", "glyphs-sup_recall_at_k"} <= set(SHIPPED) & RECIPES.keys()


@pytest.mark.parametrize("name", [name for name in SHIPPED if name in RECIPES])
def test_shipped_weights_are_of_the_network_of_their_recipe(name: str) -> None:
    config = json.loads((WEIGHTS / name / "config.json").read_text(encoding="utf-8"))
    recipe: Any = RECIPES[name]
    if isinstance(recipe, DetectionRecipe):
        assert recipe_of(DetectionRecipe, config["detector"]).network == recipe.network
        return
    wanted = vars(recipe.network)
    trained = config.get("embedder") or config["scorer"]
    own = trained.keys() & wanted.keys()
    assert "pooling" in own
    assert {key: trained[key] for key in own} == {key: wanted[key] for key in own}
    assert trained["preprocessing"]["size"] == recipe.network.size
