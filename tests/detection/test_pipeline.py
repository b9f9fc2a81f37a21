"""Training images as the recipes augment them."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from zoo.detection.bridge import require_mmdet
from zoo.detection.pipeline import training_loader
from zoo.errors import UsageError
from zoo.recipes.detector import DetectionRecipe, DetectorData

MakeRecipe = Callable[..., DetectionRecipe]


@pytest.fixture
def seen(tmp_path: Path, recipe: MakeRecipe) -> Callable[..., Any]:
    """Return a function that gives one image as training sees it, `seed` by `seed`."""
    require_mmdet()
    from mmengine.dataset import Compose
    from mmengine.registry import DefaultScope

    import zoo.detection.loading  # noqa: F401
    from zoo.detection.bridge import without_warnings

    path = tmp_path / "a.png"
    Image.effect_noise((120, 80), 60).convert("RGB").save(path)
    instances = [
        {"bbox": [10, 10, 60, 50], "bbox_label": 0, "ignore_flag": 0},
        {"bbox": [50, 30, 110, 70], "bbox_label": 1, "ignore_flag": 0},
    ]
    raw = {"img_path": str(path), "img_id": 1, "height": 80, "width": 120, "instances": instances}

    def see(seed: int, **data: Any) -> Any:
        asked = recipe()
        asked = replace(asked, data=replace(asked.data, **data))
        steps = training_loader(asked, [tmp_path / "x.json"], ("a", "b"), 0)["dataset"]["pipeline"]
        np.random.seed(seed)  # noqa: NPY002  mmdetection draws from it
        with DefaultScope.overwrite_default_scope("mmdet"), without_warnings():
            return Compose(steps)(json.loads(json.dumps(raw)))

    return see


def test_ssds_augmentation_squashes_and_keeps_boxes_on_the_image(seen: Callable[..., Any]) -> None:
    expanded = 0
    for seed in range(20):
        found = seen(seed, augmentation="ssd", squash=96)
        assert tuple(found["inputs"].shape) == (3, 96, 96)
        boxes = found["data_samples"].gt_instances.bboxes.tensor
        labels = found["data_samples"].gt_instances.labels
        assert len(boxes) == len(labels) > 0
        assert bool(((boxes >= 0) & (boxes <= 96)).all())
        assert bool((boxes[:, 2:] > boxes[:, :2]).all())
        width = float(boxes[labels == 0][:, 2:].sub(boxes[labels == 0][:, :2])[:, 0].sum())
        expanded += 0 < width < 50 / 120 * 96 * 0.8
    assert expanded  # some image was set into a larger one of the mean colour


def test_a_shorter_side_is_drawn_and_the_shape_kept(seen: Callable[..., Any]) -> None:
    sides = {
        tuple(seen(seed, scale=(300, 64), shorter=(40, 64))["inputs"].shape[1:])
        for seed in range(12)
    }
    assert sides == {(40, 60), (64, 96)}


@pytest.mark.parametrize(
    "odd",
    [
        {"augmentation": "ssd"},
        {"squash": 512},
        {"augmentation": "ssd", "squash": 64, "shorter": (40,)},
    ],
)
def test_sizes_that_the_augmentation_does_not_take_are_refused(odd: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="augmentation ssd"):
        DetectorData("coco", ("train",), "test", **odd)
