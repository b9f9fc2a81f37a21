"""The recipe of a detector: every choice as frozen values that travel with its weights."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from zoo.errors import UsageError
from zoo.recipes.values import override_section

Detector = Literal["retinanet", "atss", "faster_rcnn"]
Loss = Literal["focal", "cross_entropy", "ap", "alrp", "rank_sort", "blackbox_ap"]
LOSSES_OF: dict[str, tuple[str, ...]] = {
    "retinanet": ("focal", "ap", "alrp", "rank_sort"),
    "atss": ("focal", "ap", "alrp", "rank_sort"),
    "faster_rcnn": ("cross_entropy", "blackbox_ap", "ap", "alrp", "rank_sort"),
}


@dataclass(frozen=True)
class DetectionRecipe:
    """A named, complete training set-up of a detector.

    `depth` is that of the ResNet; `backbone` is where its weights come from (a Hub model, or None:
    random weights, all of it trained). `train` and `test` name annotated parts: splits of COCO
    files, or sets of VOC as `VOC2007/trainval`. `scale` is (longest, shortest) side in pixels.
    `loss_options` go to the loss; `score_threshold` is the lowest score a detection may have.
    `momentum` is SGD's. `channels` is the width of the feature pyramid and the heads on it.
    `proposals` and `regions` bound the boxes that a two-stage detector passes on and trains on.
    `bad_boxes`: "fail" on a box without area, or "skip" it.
    """

    name: str
    about: str
    detector: Detector
    loss: Loss
    layout: Literal["coco", "voc"]
    train: tuple[str, ...]
    test: str
    depth: Literal[18, 34, 50, 101] = 50
    channels: int = 256
    backbone: str | None = None
    scale: tuple[int, int] = (1333, 800)
    batch: int = 16
    optimiser: Literal["sgd", "adamw"] = "sgd"
    lr: float = 0.01
    momentum: float = 0.9
    weight_decay: float = 1e-4
    warmup_steps: int = 500
    epochs: int = 12
    decay_at: tuple[int, ...] = (8, 11)
    clip_norm: float | None = None
    score_threshold: float = 0.05
    proposals: int = 1000
    regions: int = 512
    loss_options: Mapping[str, Any] = field(default_factory=dict)
    bad_boxes: Literal["fail", "skip"] = "fail"
    hardware: str = ""
    published: Mapping[str, float] = field(default_factory=dict)
    source: str = ""

    def __post_init__(self) -> None:
        if self.loss not in LOSSES_OF[self.detector]:
            allowed = ", ".join(LOSSES_OF[self.detector])
            raise UsageError(f"{self.detector} has no loss {self.loss!r}", f"choose from {allowed}")


def to_json(recipe: DetectionRecipe) -> dict[str, Any]:
    """Return the recipe as plain values."""
    value: dict[str, Any] = json.loads(json.dumps(asdict(recipe)))
    return value


def from_json(value: Mapping[str, Any]) -> DetectionRecipe:
    """Read what `to_json` wrote.

    Raises:
        UsageError: an unknown key, with the nearest known one, or a value of the wrong type.
    """
    recipe = DetectionRecipe("", "", "retinanet", "ap", "coco", ("train",), "test")
    for key in sorted(value, key=lambda key: key != "detector"):  # its losses depend on it
        recipe = override_section(recipe, key, json.dumps(value[key]))
    return recipe
