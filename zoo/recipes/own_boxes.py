"""The recipe of a person's own boxes: a detector by name, sizes chosen from the data."""

import re
from collections.abc import Sequence
from dataclasses import replace
from math import ceil
from statistics import median
from typing import Literal, cast

from zoo.errors import UsageError
from zoo.recipes.detector import (
    LOSSES_OF,
    DetectionRecipe,
    DetectorBatch,
    DetectorData,
    DetectorLoss,
    DetectorNetwork,
    DetectorOptimiser,
    DetectorSchedule,
)

OWN = "own-detector"
FROM_DATA = 0  # a size of 0 is chosen by `fitted`
BACKBONES = {50: "timm/resnet50.tv_in1k", 101: "timm/resnet101.tv_in1k"}
_DEPTH = re.compile(r"resnet(18|34|50|101)\b")
LARGEST, STRIDE = 800, 32  # pixels; the pyramid halves an image five times
UPDATES = 1000  # at least so many, where 100 epochs can give them
FULL_BATCH = 16


def own_detector(
    based_on: DetectionRecipe | str, loss: str | None = None, backbone: str | None = None
) -> DetectionRecipe:
    """Return a recipe for boxes in any layout.

    Network and loss are those of a published recipe, or a detector by name (`retinanet`) and
    AP-loss. AdamW at 1e-4 with clipped gradients suits a pretrained backbone and any batch size.

    Raises:
        UsageError: no such detector; a backbone that is no ResNet of 18, 34, 50 or 101 layers.
    """
    if isinstance(based_on, str):
        if based_on not in LOSSES_OF:
            raise UsageError(f"--detector {based_on}: unknown", f"one of {', '.join(LOSSES_OF)}")
        network = DetectorNetwork(based_on, 50, BACKBONES[50])  # type: ignore[arg-type]
        term = DetectorLoss("ap")
    else:
        network, term = based_on.network, based_on.loss
    if backbone is not None:
        depth = _depth(backbone)
        network = replace(network, backbone=backbone, depth=depth, architecture=None)
    if loss is not None:
        term = DetectorLoss(loss)  # type: ignore[arg-type]
    return DetectionRecipe(
        name=OWN,
        about=f"{network.detector} on {network.stands_on}, {term.name}, own boxes",
        network=network,
        data=DetectorData("auto", ("train",), "val", scale=(FROM_DATA, FROM_DATA)),
        loss=term,
        batch=DetectorBatch(FROM_DATA),
        optimiser=DetectorOptimiser("adamw", lr=1e-4, weight_decay=1e-2, clip_norm=10.0),
        schedule=DetectorSchedule(FROM_DATA, (), warmup_steps=FROM_DATA),
    )


def fitted(recipe: DetectionRecipe, sizes: Sequence[tuple[int, int]]) -> DetectionRecipe:
    """Return the recipe with every size of 0 chosen for images of these widths and heights.

    The longer side becomes the median one, in steps of 32 and at most 800; a batch has 16 images,
    of few images an eighth; epochs, 12 to 100 of them, make about 1000 updates; the rate falls
    after two thirds of them and near the end.
    """
    if recipe.name != OWN or not sizes:
        return recipe
    side = min(LARGEST, max(2 * STRIDE, STRIDE * round(median(map(max, sizes)) / STRIDE)))
    longest, shortest = recipe.data.scale
    batch = recipe.batch.size or min(FULL_BATCH, max(1, len(sizes) // 8))
    per_epoch = ceil(len(sizes) / batch)
    told = recipe.schedule
    epochs = told.epochs or min(100, max(12, ceil(UPDATES / per_epoch)))
    falls = told.decay_at or tuple(sorted({max(1, epochs * 2 // 3), max(1, epochs * 11 // 12)}))
    warmup = told.warmup_steps or min(500, epochs * per_epoch // 10)
    return replace(
        recipe,
        data=replace(recipe.data, scale=(longest or side, shortest or side)),
        batch=replace(recipe.batch, size=batch),
        schedule=replace(told, epochs=epochs, decay_at=falls, warmup_steps=warmup),
    )


def _depth(backbone: str) -> Literal[18, 34, 50, 101]:
    found = _DEPTH.search(backbone)
    if found is None:
        raise UsageError(
            f"--model {backbone}: a detector stands on a ResNet of 18, 34, 50 or 101 layers",
            f"for example {BACKBONES[50]}",
        )
    return cast("Literal[18, 34, 50, 101]", int(found[1]))
