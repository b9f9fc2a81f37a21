"""A run folder begins once, and goes on with the recipe it began with alone."""

from dataclasses import replace
from pathlib import Path

import pytest

from zoo.errors import UsageError
from zoo.recipes import RECIPES, AnyRecipe
from zoo.recipes.changes import override
from zoo.runs.folder import begin

RECIPE = RECIPES["emoji-sup_hap"]
CHANGES = {
    "schedule.steps": "7",
    "schedule.warmup_steps": "3",
    "network.size": "96",
    "optimiser.lr": "0.5",
    "batch.size": "8",
    "batch.per_class": "4",
}


def changed(*keys: str) -> AnyRecipe:
    recipe: AnyRecipe = RECIPE
    for key in keys:
        recipe = override(recipe, key, CHANGES[key])
    return recipe


def test_a_run_begins_once_and_goes_on_with_its_recipe(tmp_path: Path) -> None:
    run = tmp_path / "run"
    assert begin(run, RECIPE, resume=True)
    assert not begin(run, RECIPE, resume=True)
    told = replace(RECIPE, about="other words")
    assert not begin(run, told, resume=True)
    with pytest.raises(UsageError, match="a run is in it"):
        begin(run, RECIPE, resume=False)


def test_five_differences_are_named_and_the_rest_is_counted(tmp_path: Path) -> None:
    run, keys = tmp_path / "run", sorted(CHANGES)
    begin(run, RECIPE, resume=True)
    for many, more in ((1, ""), (5, ""), (6, "; 1 more")):
        recipe = changed(*keys[:many])
        with pytest.raises(UsageError) as refused:
            begin(run, recipe, resume=True)
        named = str(refused.value).partition("another recipe: ")[2]
        assert [part.partition(":")[0] for part in named.split("; ")[:5]] == keys[: min(many, 5)]
        assert named.endswith(more) if more else "more" not in named
        assert "choose another --out" in refused.value.hint
