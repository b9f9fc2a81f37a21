from dataclasses import replace

import pytest

from zoo.errors import UsageError
from zoo.recipes import RECIPES
from zoo.recipes.find import Choice, find_recipe
from zoo.recipes.own_boxes import fitted, own_detector


def test_a_detectors_recipe_as_the_model_is_one_for_own_boxes() -> None:
    recipe = find_recipe(Choice(model="coco-retinanet-r50-ap"))
    named = find_recipe(Choice(detector="retinanet", loss="ap"))
    assert recipe == replace(named, network=RECIPES["coco-retinanet-r50-ap"].network)
    assert (recipe.name, recipe.data.layout, recipe.loss.name) == ("own-detector", "auto", "ap")
    assert recipe.network.backbone == "timm/resnet50.tv_in1k"


def test_the_model_of_a_detector_is_its_backbone_and_tells_its_depth() -> None:
    recipe = find_recipe(Choice(model="timm/resnet18.a1_in1k", detector="atss", loss="rank_sort"))
    assert (recipe.network.detector, recipe.network.depth) == ("atss", 18)
    with pytest.raises(UsageError, match="a detector stands on a ResNet"):
        find_recipe(Choice(model="timm/vit_base_patch16_224.dino", detector="atss"))


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"detector": "yolo"}, "--detector yolo: unknown"),
        ({"detector": "atss", "loss": "blackbox_ap"}, "atss has no loss 'blackbox_ap'"),
        ({"detector": "atss", "name": "coco-retinanet-r50-ap"}, "has its detector"),
        ({"detector": "atss", "model": "coco-retinanet-r50-ap"}, "is a retinanet"),
    ],
)
def test_what_does_not_go_together_is_refused(told: dict[str, str], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        find_recipe(Choice(**told))


@pytest.mark.parametrize(
    ("count", "size", "side", "batch", "epochs"),
    [
        (1000, (640, 480), 640, 16, 16),
        (40, (200, 300), 288, 5, 100),
        (3, (50, 40), 64, 1, 100),
        (100_000, (4000, 3000), 800, 16, 12),
    ],
)
def test_sizes_follow_the_data(
    count: int, size: tuple[int, int], side: int, batch: int, epochs: int
) -> None:
    recipe = fitted(own_detector("retinanet"), [size] * count)
    assert recipe.data.scale == (side, side)
    assert (recipe.batch.size, recipe.schedule.epochs) == (batch, epochs)
    assert 0 < recipe.schedule.decay_at[0] <= recipe.schedule.decay_at[-1] <= epochs
    assert recipe.schedule.warmup_steps <= 500


def test_what_was_said_stays() -> None:
    told = ["schedule.epochs=1", "data.scale=[96, 64]"]
    choice = Choice(detector="retinanet", changes=told, batch_size=2)
    recipe = fitted(find_recipe(choice), [(640, 480)] * 9)
    assert (recipe.schedule.epochs, recipe.data.scale, recipe.batch.size) == (1, (96, 64), 2)
    published = find_recipe(Choice("coco-retinanet-r50-ap"))
    assert fitted(published, [(640, 480)] * 9) == published
