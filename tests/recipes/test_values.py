"""Recipes to and from plain values: nothing unknown, nothing of the wrong type gets in."""

import json
from pathlib import Path

import pytest

from zoo.errors import DataError, UsageError
from zoo.recipes import RECIPES, AnyRecipe, Recipe, recipes_of
from zoo.recipes.changes import check_losses, override
from zoo.recipes.own_images import fitted, own_recipe
from zoo.recipes.values import from_json, read_recipe, to_json

EMOJI = recipes_of(Recipe)["emoji-recall_at_k"]


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=lambda recipe: recipe.name)
def test_every_recipe_survives_json_and_names_losses_that_take_its_options(
    recipe: AnyRecipe,
) -> None:
    assert from_json(json.loads(json.dumps(to_json(recipe)))) == recipe
    if isinstance(recipe, Recipe):
        check_losses(recipe)


def test_overriding_changes_one_value_and_reads_it_by_type() -> None:
    assert override(EMOJI, "optimiser.lr", "1e-4").optimiser.lr == 1e-4
    assert override(EMOJI, "batch.chunk", "16").batch.chunk == 16
    assert override(EMOJI, "augmentation.scale", "[0.2, 1]").augmentation.scale == (0.2, 1.0)
    assert override(EMOJI, "schedule.kind", "constant").schedule.kind == "constant"
    assert override(EMOJI, "schedule.steps", "null").schedule.steps is None


def test_an_option_of_the_loss_is_reached_through_the_loss() -> None:
    changed = override(EMOJI, "loss.tau_rank", "0.02")
    assert changed.loss.options == {"tau_rank": 0.02}
    assert changed.loss.name == "recall_at_k"


def test_a_second_loss_can_be_added_where_there_was_none() -> None:
    changed = override(EMOJI, "extra_loss", '{"name": "smooth_ap", "weight": 0.5}')
    assert changed.extra_loss is not None
    assert changed.extra_loss.weight == 0.5
    named = override(override(EMOJI, "extra_loss", "smooth_ap"), "extra_loss.weight", "0.5")
    assert named == changed


def test_a_key_below_a_loss_that_is_not_there_says_to_set_it_first() -> None:
    with pytest.raises(UsageError, match="nothing is below extra_loss") as caught:
        override(EMOJI, "extra_loss.weight", "0.5")
    assert "set extra_loss itself" in caught.value.hint


@pytest.mark.parametrize(
    ("key", "value", "hint"),
    [
        ("optimizer.lr", "1", "optimiser"),
        ("optimiser.rl", "1", "lr"),
        ("loss.tau_rnk", "1", "tau_rank"),
        ("loss.name", "recal_at_k", "recall_at_k"),
    ],
)
def test_an_unknown_key_is_refused_with_the_nearest_name(key: str, value: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        override(EMOJI, key, value)
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("optimiser.lr", "fast"),
        ("batch.size", "12.5"),
        ("batch.size", "true"),
        ("network.pooling", "median"),
        ("optimiser", "3"),
        ("optimiser.lr.x", "3"),
        ("augmentation.scale", "0.5"),
        ("augmentation.scale", "[0.5]"),
    ],
)
def test_a_value_of_the_wrong_type_is_refused_with_its_key(key: str, value: str) -> None:
    with pytest.raises(UsageError, match=key.removesuffix(".x")):
        override(EMOJI, key, value)


def test_a_recipe_file_with_a_misspelt_key_names_it() -> None:
    value = to_json(EMOJI)
    value["batch"]["sise"] = 4
    with pytest.raises(UsageError, match=r"batch\.sise") as caught:
        from_json(value)
    assert "size" in caught.value.hint


def test_a_recipe_without_a_network_says_so() -> None:
    with pytest.raises(UsageError, match="network"):
        from_json({"name": "x", "about": "y", "loss": {"name": "recall_at_k"}})


def test_a_file_that_is_no_json_names_the_line(tmp_path: Path) -> None:
    path = tmp_path / "recipe.json"
    path.write_text('{"name":\n oops}')
    with pytest.raises(DataError, match="line 2"):
        read_recipe(path)


def test_a_small_data_set_gets_a_batch_it_can_fill() -> None:
    recipe = own_recipe("timm/resnet50.tv_in1k", "recall_at_k")
    assert fitted(recipe, classes=1000).batch == recipe.batch
    few, two = fitted(recipe, classes=20).batch, fitted(recipe, classes=2).batch
    assert (few.size, few.per_class) == (80, 4)
    assert (two.size, two.per_class) == (32, 16)


@pytest.mark.parametrize(
    ("name", "flat", "today", "value"),
    [
        ("scenes-retinanet-r18-focal", "epochs", "schedule.epochs", "3"),
        ("scenes-retinanet-r18-focal", "scale", "data.scale", "[64, 64]"),
        ("scenes-retinanet-r18-focal", "bad_boxes", "data.bad_boxes", "skip"),
        ("scenes-retinanet-r18-focal", "score_threshold", "network.score_threshold", "0.5"),
        ("scenes-bce", "epochs", "schedule.epochs", "3"),
    ],
)
def test_a_flat_key_of_earlier_versions_stands_for_todays(
    name: str, flat: str, today: str, value: str
) -> None:
    recipe = RECIPES[name]
    changed = override(recipe, flat, value)
    assert changed == override(recipe, today, value) != recipe
