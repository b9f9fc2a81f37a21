"""Recipes of detectors for two CPU cores, on generated scenes: each loss and its baseline.

rankzoo train scenes-retinanet-r18-ap --data scenes/ --out runs/scenes
"""

from dataclasses import replace
from typing import Any, cast

from zoo.recipes.detector import (
    DetectionRecipe,
    DetectorBatch,
    DetectorData,
    DetectorLoss,
    DetectorNetwork,
    DetectorOptimiser,
    DetectorSchedule,
    Loss,
)

BLACKBOX = {"lam": 0.5, "margin": 0.15, "memory": 7}  # as published for VOC
_SCENES = DetectionRecipe(
    name="scenes-retinanet-r18-focal",
    about="RetinaNet R18 from random weights on generated scenes, focal loss",
    network=DetectorNetwork("retinanet", depth=18, channels=64),
    data=DetectorData("coco", ("train",), "test", scale=(160, 160)),
    loss=DetectorLoss("focal"),
    batch=DetectorBatch(4),
    # From random weights SGD at .05 found nothing in 240 steps.
    optimiser=DetectorOptimiser("adamw", lr=1e-3, clip_norm=35.0),
    schedule=DetectorSchedule(epochs=12, decay_at=(9,), warmup_steps=20),
    hardware="2 CPU cores",
)
_SCENES_FASTER = replace(
    _SCENES,
    name="scenes-faster-rcnn-r18-ce",
    about="Faster R-CNN R18 from random weights on generated scenes, cross-entropy",
    network=replace(_SCENES.network, detector="faster_rcnn", proposals=100, regions=64),
    loss=DetectorLoss("cross_entropy"),
)


def _on_scenes(name: str, loss: str) -> DetectionRecipe:
    baseline = _SCENES_FASTER if "faster" in name else _SCENES
    about = f"{baseline.about.rpartition(',')[0]}, {loss.replace('_', ' ')}"
    options: dict[str, dict[str, Any]] = {"alrp": {"period": 60}, "blackbox_ap": BLACKBOX}
    chosen = DetectorLoss(cast(Loss, loss), options.get(loss, {}))
    return replace(baseline, name=name, about=about, loss=chosen)


# Small enough to come with rankzoo: a pretrained backbone of 1.8 M parameters, a narrow pyramid.
_SMALL = replace(
    _on_scenes("scenes-retinanet-r18-ap", "ap"),
    name="scenes-retinanet-mobilenet-ap",
    about="RetinaNet on MobileNetV2, 64 channels wide, on generated scenes, ap",
    # AP-loss orders scores and does not calibrate them: a cut at .05 takes right boxes away.
    network=DetectorNetwork(
        "retinanet",
        architecture="mobilenetv2_100",
        backbone="mobilenet_v2",
        channels=64,
        score_threshold=0.001,
    ),
    optimiser=DetectorOptimiser("adamw", lr=5e-4, clip_norm=35.0),
    schedule=DetectorSchedule(epochs=6, decay_at=(5,), warmup_steps=50),
)

RECIPES = (
    _SCENES,
    _on_scenes("scenes-retinanet-r18-ap", "ap"),
    _on_scenes("scenes-retinanet-r18-alrp", "alrp"),
    _on_scenes("scenes-retinanet-r18-rank-sort", "rank_sort"),
    _SCENES_FASTER,
    _on_scenes("scenes-faster-rcnn-r18-blackbox", "blackbox_ap"),
    _on_scenes("scenes-faster-rcnn-r18-rank-sort", "rank_sort"),
    _SMALL,
)
