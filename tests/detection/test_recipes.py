import json
from dataclasses import replace
from pathlib import Path

import pytest

from zoo.detection.launch import find_detection_recipe
from zoo.detection.network import network_config
from zoo.errors import UsageError
from zoo.recipes.detection import DETECTION_RECIPES
from zoo.recipes.detector import DetectionRecipe, from_json, to_json


@pytest.mark.parametrize("recipe", DETECTION_RECIPES.values(), ids=lambda recipe: recipe.name)
def test_every_recipe_survives_json_and_has_a_network(recipe: DetectionRecipe) -> None:
    assert from_json(json.loads(json.dumps(to_json(recipe)))) == recipe
    model = network_config(recipe, labels=5)
    head = model.get("bbox_head") or model["roi_head"]["bbox_head"]
    assert head["num_classes"] == 5
    assert model["backbone"]["depth"] == recipe.depth


def test_quoted_results_name_their_source() -> None:
    for recipe in DETECTION_RECIPES.values():
        assert bool(recipe.published) <= bool(recipe.source), recipe.name


def test_rambo_trains_with_its_published_options() -> None:
    for name in ("voc07-faster-rcnn-r50", "voc0712-faster-rcnn-r50", "voc0712-faster-rcnn-r101"):
        recipe = DETECTION_RECIPES[f"{name}-blackbox"]
        assert recipe.loss_options == {"lam": 0.5, "margin": 0.15, "memory": 7}
        baseline = DETECTION_RECIPES[f"{name}-ce"]
        assert (recipe.lr, recipe.decay_at, recipe.batch) == (0.1, (9,), 8)
        assert recipe.published["ap_50"] > baseline.published["ap_50"]


def test_ranking_recipes_sample_nothing() -> None:
    model = network_config(DETECTION_RECIPES["coco-faster-rcnn-r50-rank-sort"], labels=80)
    assert model["train_cfg"]["rpn"]["sampler"] is None
    assert model["train_cfg"]["rcnn"]["sampler"]["num"] == 10**10
    assert model["rpn_head"]["ranking"]["loss_weight"] == 0.2


def test_a_key_is_changed_by_name_and_an_unknown_one_is_refused() -> None:
    name = "scenes-retinanet-r18-focal"
    changed = find_detection_recipe(name, ["epochs=3", "scale=[96, 64]"], batch_size=2, loss="ap")
    assert changed is not None
    assert (changed.epochs, changed.scale, changed.batch, changed.loss) == (3, (96, 64), 2, "ap")
    with pytest.raises(UsageError, match="epoch") as caught:
        find_detection_recipe(name, ["epoch=3"])
    assert "epochs" in caught.value.hint
    with pytest.raises(UsageError, match="retinanet has no loss 'blackbox_ap'"):
        find_detection_recipe(name, loss="blackbox_ap")
    with pytest.raises(UsageError, match="no value"):
        find_detection_recipe(name, ["epochs"])


def test_only_names_and_files_of_detectors_are_taken(tmp_path: Path) -> None:
    assert find_detection_recipe("emoji-recall_at_k") is None
    assert find_detection_recipe(None) is None
    recipe = replace(DETECTION_RECIPES["scenes-retinanet-r18-ap"], epochs=2)
    (tmp_path / "recipe.json").write_text(json.dumps(to_json(recipe)))
    assert find_detection_recipe(str(tmp_path / "recipe.json")) == recipe
    (tmp_path / "other.json").write_text("{}")
    assert find_detection_recipe(str(tmp_path / "other.json")) is None
