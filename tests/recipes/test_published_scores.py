"""Recipes of labels, attributes and sorters hold what their sources state (`published.toml`)."""

import pytest

from tests.recipes.published import NOT_STATED, TABLE, Row, row_of, schedule_of, stated, train_of
from zoo.data.datasets.videomem import FRAMES
from zoo.recipes import ScoreRecipe, SorterRecipe, recipes_of
from zoo.recipes.scores import TwoPartLoss

RECIPES = recipes_of(ScoreRecipe)
ROWS = {name: row_of(name) for name in TABLE["score"]}
OF_SCENES = {"scenes-bce", "scenes-sodeep", "coverage-mse", "coverage-sodeep"}  # ours


def observed(recipe: ScoreRecipe) -> Row:
    """Return the fields of a recipe in the words of the table."""
    network, own = recipe.network, recipe.optimiser
    size, loss = network.size or 0, recipe.loss
    videos = recipe.name.startswith("videomem")
    return {
        "task": recipe.task,
        "backbone": network.backbone.removeprefix("timm/"),
        "head": "two layers" if network.hidden else network.pooling,
        "batch_norm": network.batch_norm,
        "train": train_of(recipe.augmentation, size),
        "test": f"square {size}" if network.crop_mode == "squash" else f"centre {size}",
        "difficult": "left out",
        "loss": _loss(loss),
        "reduction": "mean",
        "sorter": f"{loss.sorter}, any length",
        "batch": recipe.batch.size,
        "incomplete": "left out",
        "optimiser": f"{own.name} {own.lr:g} head x{own.head_lr:g} wd {own.weight_decay:g}",
        "schedule": schedule_of(recipe.schedule),
        "epochs": recipe.schedule.epochs,
        "selection": "last",
        "data": f"{FRAMES} frames of each video of VideoMem, and LaMem" if videos else "LaMem",
        "measured": "a fifth of the videos" if videos else "LaMem's first test list",
        "published": dict(recipe.published.metrics) if recipe.published else {},
    }


def _loss(loss: TwoPartLoss) -> str:
    ranks = loss.rank if loss.rank_weight else ""
    if loss.point_epochs and not loss.point_weight:
        return f"{loss.point} for {loss.point_epochs}, then {ranks}"
    return f"{loss.point} + {ranks}" if ranks else loss.point


@pytest.mark.parametrize("name", ROWS)
def test_a_recipe_is_what_its_source_states_but_for_what_it_says_itself(name: str) -> None:
    row, recipe = ROWS[name], RECIPES[ROWS[name]["recipe"]]
    ours = observed(recipe)
    found = {k: (v, ours[k]) for k, v in stated(row).items() if ours[k] != v}
    open_ = {field for field, value in row.items() if value == NOT_STATED}
    undeclared = {field: pair for field, pair in found.items() if field not in recipe.deviates}
    assert not undeclared, f"{name}, {recipe.name}: (published, ours) {undeclared}"
    assert not recipe.deviates.keys() - found.keys() - open_


def test_the_authors_sorter_is_what_its_source_states_but_for_what_it_says_itself() -> None:
    (row,) = (row_of(name) for name in TABLE["sorter"])
    recipe = recipes_of(SorterRecipe)[row["recipe"]]
    ours = {
        "sorter": recipe.network.sorter,
        "length": recipe.network.length,
        "loss": "L1 of normalised ranks",
        "batch": recipe.batch.size,
        "optimiser": f"adam {recipe.optimiser.lr:g}",
        "schedule": f"warm-up {recipe.schedule.warmup_steps}, half a cosine to 0",
        "updates": recipe.schedule.steps,
        "selection": "last",
    }
    assert recipe.deviates.keys() == {k for k, v in stated(row).items() if ours[k] != v}


@pytest.mark.parametrize("name", sorted(RECIPES.keys() - OF_SCENES))
def test_every_recipe_has_a_row_or_says_that_no_source_states_it(name: str) -> None:
    rows = {row["recipe"] for row in ROWS.values()}
    assert name in rows or "source" in RECIPES[name].deviates


@pytest.mark.parametrize("name", RECIPES)
def test_a_deviation_has_its_reason(name: str) -> None:
    assert all(len(reason.split()) > 3 for reason in RECIPES[name].deviates.values())
