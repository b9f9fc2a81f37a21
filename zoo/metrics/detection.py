"""COCO detection AP, by the benchmark's own algorithm in a faster coat."""

import contextlib
import io
import math
from collections.abc import Mapping, Sequence
from typing import Any

from zoo.errors import DataError, UsageError

NAMES = {
    "ap": "AP_all",
    "ap_50": "AP_50",
    "ap_75": "AP_75",
    "ap_small": "AP_small",
    "ap_medium": "AP_medium",
    "ap_large": "AP_large",
    "ar_1": "AR_all",
    "ar_10": "AR_second",
    "ar_100": "AR_third",
}


def coco_ap(
    ground_truth: Mapping[str, Any], detections: Sequence[Mapping[str, Any]]
) -> dict[str, float]:
    """Return COCO's box AP and AR (IoU .50:.05:.95) of detections in COCO's result format.

    Args:
        ground_truth: The dictionary of a COCO annotation file: images, annotations, categories.
        detections: `{"image_id", "category_id", "bbox": [x, y, width, height], "score"}` each.

    Raises:
        DataError: a score, or a number of a box, is not finite.
        UsageError: the extra that brings the evaluator is not installed.
    """
    check_detections(detections)
    try:
        from faster_coco_eval import COCO, COCOeval_faster
    except ImportError as error:
        hint = "pip install 'rankzoo[detection]'"
        raise UsageError("COCO AP needs faster-coco-eval", hint) from error
    if not detections:
        return dict.fromkeys(NAMES, 0.0)
    with contextlib.redirect_stdout(io.StringIO()):  # it prints a table
        truth = COCO(dict(ground_truth))
        evaluator = COCOeval_faster(truth, truth.loadRes(list(detections)), iouType="bbox")
        evaluator.run()
        values = evaluator.stats_as_dict
    return {name: float(values[key]) for name, key in NAMES.items()}


def check_detections(detections: Sequence[Mapping[str, Any]]) -> None:
    """Raise DataError unless every score and box of the detections is made of finite numbers."""
    for place, found in enumerate(detections):
        for key, numbers in (("score", [found["score"]]), ("bbox", found["bbox"])):
            if not all(math.isfinite(number) for number in numbers):
                message = f"detection {place} (image {found['image_id']}): {key} is {found[key]}"
                raise DataError(message, "look at the detector: scores and boxes must be numbers")
