"""Measuring a detector: COCO's box AP, or VOC's AP, through mmdetection's own metrics."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safetensors.torch import load_file

from zoo.cards.model_files import WEIGHTS
from zoo.data.boxes.boxed import BoxedSet, Policies, Policy
from zoo.detection.annotations import find_part
from zoo.detection.pipeline import protocol
from zoo.detection.runner import runner_of, testing_config
from zoo.detection.storage import load_weights, read_detector_config
from zoo.embedding.options import EmbedOptions

COCO_NAMES = {"bbox_mAP": "ap", "bbox_mAP_50": "ap_50", "bbox_mAP_75": "ap_75"}
COCO_NAMES |= {f"bbox_mAP_{size[0]}": f"ap_{size}" for size in ("small", "medium", "large")}
NAMES = {  # mmdetection's names and ours
    "coco": {f"coco/{theirs}": ours for theirs, ours in COCO_NAMES.items()},
    "voc": {"pascal_voc/AP50": "ap_50"},
}


@dataclass(frozen=True)
class Measured:
    """What a detector reached: the protocol's metrics, between 0 and 1, and its best F1.

    `threshold` is the score from which on its boxes have that F1, at an overlap of .5. `classes`
    has AP at that overlap (`ap_50`) and the number of `objects` of each label that has any.
    """

    protocol: str
    metrics: dict[str, float]
    f1: float = 0.0
    threshold: float = 0.0
    classes: Mapping[str, dict[str, float]] = field(default_factory=dict)


def evaluate_detector(
    folder: Path,
    data: Path,
    *,
    split: str = "",
    on_bad_image: Policy = "fail",
    how: EmbedOptions | None = None,
) -> dict[str, Any]:
    """Measure a model folder on a part of a set: by default the test part of its recipe.

    Raises:
        DataError: annotations are broken, or the part has labels that the detector has not learnt.
    """
    recipe, _ = read_detector_config(folder)
    part = find_part(
        data,
        recipe.data.layout,
        split or recipe.data.test,
        Policies(recipe.data.bad_boxes, on_bad_image),
    )
    how = how or EmbedOptions()
    measured = evaluate_part(folder, part, device=how.device, workers=how.workers)
    best = {"f1": measured.f1, "threshold": measured.threshold}
    facts = {"protocol": measured.protocol, "metrics": measured.metrics, "images": part.count}
    return {**facts, "best": best, "classes": dict(measured.classes)}


def evaluate_part(
    folder: Path, part: BoxedSet, *, device: str = "cpu", workers: int = 0
) -> Measured:
    """Measure a model folder on a checked part."""
    recipe, labels = read_detector_config(folder)
    with tempfile.TemporaryDirectory() as work:
        config = testing_config(recipe, part, labels, work=Path(work), workers=workers)
        with runner_of(config, device) as runner:
            load_weights(runner.model, load_file(folder / WEIGHTS), folder / WEIGHTS)
            found = runner.test()
    names = NAMES["voc" if part.layout == "voc" else "coco"]
    if not found:  # no detection at all: mmdetection reports nothing
        return Measured(protocol(part), dict.fromkeys(names.values(), 0.0))
    # mmdetection reports nothing where there is no detection at all
    metrics = {ours: float(found.get(theirs, 0.0)) for theirs, ours in names.items()}
    # COCO's -1 stands for "no such objects"
    known = {name: value for name, value in metrics.items() if value >= 0}
    classes = {
        name: {"ap_50": found[f"best/ap_50/{n}"], "objects": int(found[f"best/objects/{n}"])}
        for n, name in enumerate(labels)
        if f"best/ap_50/{n}" in found
    }
    return Measured(protocol(part), known, found["best/f1"], found["best/threshold"], classes)
