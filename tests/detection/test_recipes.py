import json
from pathlib import Path

import pytest

from zoo.detection.network import network_config
from zoo.errors import UsageError
from zoo.recipes import DetectionRecipe, recipes_of
from zoo.recipes.find import Choice, find_recipe
from zoo.recipes.values import from_json, to_json

DETECTORS = recipes_of(DetectionRecipe)


@pytest.mark.parametrize("recipe", DETECTORS.values(), ids=lambda recipe: recipe.name)
def test_every_recipe_survives_json_and_has_a_network(recipe: DetectionRecipe) -> None:
    assert from_json(json.loads(json.dumps(to_json(recipe)))) == recipe
    model = network_config(recipe, labels=5)
    heads = model.get("bbox_head") or model["roi_head"]["bbox_head"]
    assert {head["num_classes"] for head in (heads if isinstance(heads, list) else [heads])} == {5}
    stands_on = "depth" if recipe.network.architecture is None else "architecture"
    assert model["backbone"][stands_on] == getattr(recipe.network, stands_on)


def test_quoted_results_name_their_source() -> None:
    for recipe in DETECTORS.values():
        assert recipe.published is None or recipe.published.source, recipe.name


def test_rambo_trains_with_its_published_options() -> None:
    for name in ("voc07-faster-rcnn-r50", "voc0712-faster-rcnn-r50", "voc0712-faster-rcnn-r101"):
        recipe = DETECTORS[f"{name}-blackbox"]
        assert recipe.loss.options == {"lam": 0.5, "margin": 0.15, "memory": 7}
        baseline = DETECTORS[f"{name}-ce"]
        assert (recipe.optimiser.lr, recipe.batch.size) == (0.1, 8)
        assert recipe.schedule.decay_at == (9,)
        assert recipe.published is not None
        assert baseline.published is not None
        assert recipe.published.metrics["ap_50"] > baseline.published.metrics["ap_50"]


def test_ranking_recipes_sample_nothing() -> None:
    model = network_config(DETECTORS["coco-faster-rcnn-r50-rank-sort"], labels=80)
    assert model["train_cfg"]["rpn"]["sampler"] is None
    assert model["train_cfg"]["rcnn"]["sampler"]["num"] == 10**10
    assert model["rpn_head"]["ranking"]["loss_weight"] == 0.2


def test_a_key_is_changed_by_name_and_an_unknown_one_is_refused() -> None:
    name = "scenes-retinanet-r18-focal"
    changes = ["schedule.epochs=3", "data.scale=[96, 64]", "loss.delta=0.5"]
    changed = find_recipe(Choice(name, None, "ap", changes, 2))
    assert isinstance(changed, DetectionRecipe)
    assert (changed.schedule.epochs, changed.data.scale, changed.batch.size) == (3, (96, 64), 2)
    assert (changed.loss.name, changed.loss.options) == ("ap", {"delta": 0.5})
    with pytest.raises(UsageError, match=r"schedule\.epoch: unknown") as caught:
        find_recipe(Choice(name, changes=["schedule.epoch=3"]))
    assert "epochs" in caught.value.hint
    with pytest.raises(UsageError, match="retinanet has no loss 'blackbox_ap'"):
        find_recipe(Choice(name, loss="blackbox_ap"))
    with pytest.raises(UsageError, match="no value"):
        find_recipe(Choice(name, changes=["schedule.epochs"]))


def test_a_recipe_file_of_a_detector_is_read_as_one(tmp_path: Path) -> None:
    recipe = recipes_of(DetectionRecipe)["scenes-retinanet-r18-ap"]
    (tmp_path / "recipe.json").write_text(json.dumps(to_json(recipe)))
    assert find_recipe(Choice(str(tmp_path / "recipe.json"))) == recipe
