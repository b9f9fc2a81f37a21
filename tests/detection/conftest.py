"""Small images of the room: samples with boxes, and recipes of small networks."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import torch

from zoo.detection.bridge import require_mmdet
from zoo.recipes.changes import override
from zoo.recipes.detector import (
    DetectionRecipe,
    DetectorBatch,
    DetectorData,
    DetectorLoss,
    DetectorNetwork,
    DetectorSchedule,
)

SIDE = 64
BOXES = torch.tensor([[4.0, 4.0, 30.0, 34.0], [20.0, 12.0, 58.0, 50.0]])

Samples = Callable[..., list[Any]]
MakeRecipe = Callable[..., DetectionRecipe]


@pytest.fixture
def samples() -> Samples:
    """Return a function that makes annotated images of 64 x 64: two boxes each, or none."""
    require_mmdet()
    from mmdet.structures import DetDataSample
    from mmengine.structures import InstanceData

    def make(count: int, *, empty: bool = False) -> list[Any]:
        result = []
        for _ in range(count):
            boxes = BOXES[:0] if empty else BOXES
            sample = DetDataSample()
            shapes = ("img_shape", "ori_shape", "pad_shape", "batch_input_shape")
            sample.set_metainfo(dict.fromkeys(shapes, (SIDE, SIDE)))
            sample.set_metainfo({"scale_factor": (1.0, 1.0)})
            sample.gt_instances = InstanceData(bboxes=boxes, labels=torch.arange(len(boxes)))
            sample.ignored_instances = InstanceData(
                bboxes=BOXES[:0], labels=torch.zeros(0, dtype=torch.long)
            )
            result.append(sample)
        return result

    return make


@pytest.fixture
def recipe() -> MakeRecipe:
    """Return a function that makes a recipe of an R18 detector at 64 x 64.

    A change is a recipe's key with `__` for the dot: `schedule__epochs=2`.
    """

    def make(detector: Any = "retinanet", loss: Any = "rank_sort", **changes: Any) -> Any:
        network = DetectorNetwork(detector, depth=18, proposals=20, regions=32)
        data = DetectorData("coco", ("train",), "test", scale=(SIDE, SIDE))
        made = DetectionRecipe(
            name="small",
            about="a small detector",
            network=network,
            data=data,
            loss=DetectorLoss(loss),
            batch=DetectorBatch(2),
            schedule=DetectorSchedule(epochs=1, decay_at=(), warmup_steps=0),
        )
        for key, value in changes.items():
            made = override(made, key.replace("__", "."), json.dumps(value))
        return made

    return make
