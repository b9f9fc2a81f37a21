"""What version 0.1 left: recipes with flat keys, in run folders of every task.

`earlier/` holds the small files of five runs made by that version's command line:

    rankzoo train emoji-recall_at_k --set schedule.steps=2 --set network.size=32 --batch-size 32
    rankzoo train emoji-captions --set schedule.steps=2 --set network.size=32 --batch-size 8
    rankzoo train scenes-sodeep --set epochs=1 --set size=32 --batch-size 8
    rankzoo train sorter-grus --set steps=2 --set length=6 --set batch=4
    rankzoo train scenes-retinanet-r18-alrp --set epochs=1 --set 'decay_at=[]' \
        --set 'scale=[64,64]' --set channels=16 --batch-size 4
"""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from zoo.errors import UsageError
from zoo.recipes import AnyRecipe
from zoo.recipes.earlier import translated
from zoo.recipes.find import Choice, find_recipe
from zoo.recipes.values import from_json, read_recipe, to_json
from zoo.runs.folder import begin
from zoo.tasks import task_of_config, task_of_recipe

EARLIER = Path(__file__).parent / "earlier"
KINDS = ("embedder", "captions", "scorer", "sorter", "detector")
MADE: dict[str, AnyRecipe] = {
    "embedder": find_recipe(
        Choice("emoji-recall_at_k", changes=["schedule.steps=2", "network.size=32"], batch_size=32)
    ),
    "captions": find_recipe(
        Choice("emoji-captions", changes=["schedule.steps=2", "network.size=32"], batch_size=8)
    ),
    "scorer": find_recipe(
        Choice("scenes-sodeep", changes=["schedule.epochs=1", "network.size=32"], batch_size=8)
    ),
    "sorter": find_recipe(
        Choice("sorter-grus", changes=["schedule.steps=2", "network.length=6"], batch_size=4)
    ),
    "detector": find_recipe(
        Choice(
            "scenes-retinanet-r18-alrp",
            changes=[
                "schedule.epochs=1",
                "schedule.decay_at=[]",
                "data.scale=[64,64]",
                "network.channels=16",
            ],
            batch_size=4,
        )
    ),
}


def flat(kind: str) -> dict[str, Any]:
    value: dict[str, Any] = json.loads((EARLIER / kind / "recipe.json").read_text())
    return value


@pytest.mark.parametrize("kind", KINDS)
def test_an_earlier_recipe_file_is_the_recipe_of_todays_keys(kind: str) -> None:
    read, made = to_json(read_recipe(EARLIER / kind / "recipe.json")), to_json(MADE[kind])
    told = ("about", "hardware", "published", "deviates")
    if kind == "scorer":  # a rate that was halved at epochs 20, 40 … of one epoch never fell
        made["schedule"] |= {"decay_at": []}
    assert {k: v for k, v in read.items() if k not in told} == {
        k: v for k, v in made.items() if k not in told
    }


@pytest.mark.parametrize("kind", KINDS)
def test_an_earlier_run_folder_is_of_the_task_that_trained_it(kind: str) -> None:
    config = json.loads((EARLIER / kind / "config.json").read_text())
    task = task_of_recipe(type(read_recipe(EARLIER / kind / "recipe.json")))
    assert task_of_config(config).key == task.key


@pytest.mark.parametrize("kind", ["embedder", "captions", "sorter", "detector"])
def test_an_earlier_run_goes_on_with_todays_recipe(kind: str, tmp_path: Path) -> None:
    shutil.copytree(EARLIER / kind, tmp_path / "run")
    assert begin(tmp_path / "run", MADE[kind], resume=True) is False


def test_rates_of_backbone_and_head_are_those_of_before() -> None:
    value = flat("scorer") | {"train_backbone": True, "learning_rate": 0.01, "backbone_rate": 0.1}
    optimiser = translated(value)["optimiser"]
    assert optimiser["lr"] == pytest.approx(0.001)
    assert optimiser["lr"] * optimiser["head_lr"] == pytest.approx(0.01)


def test_a_rate_that_was_halved_falls_at_the_same_epochs() -> None:
    schedule = translated(flat("scorer") | {"epochs": 61, "halve_every": 20})["schedule"]
    assert schedule == {"epochs": 61, "kind": "step", "decay_at": [20, 40, 60], "decay": 0.5}


def test_an_unknown_key_of_an_earlier_file_is_still_refused() -> None:
    for kind, key in (("scorer", "rank_wait"), ("sorter", "lenght"), ("detector", "depht")):
        with pytest.raises(UsageError, match=key):
            from_json(flat(kind) | {key: 1})
    with pytest.raises(UsageError, match="backbone_rate=0"):
        from_json(flat("scorer") | {"train_backbone": True, "backbone_rate": 0.0})


def test_todays_files_are_not_touched() -> None:
    for recipe in MADE.values():
        assert translated(to_json(recipe)) == to_json(recipe)
