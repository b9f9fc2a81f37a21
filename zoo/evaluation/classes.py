"""Multi-label classification, as PASCAL VOC scores it."""

from jaxtyping import Float
from torch import Tensor

from zoo.data.datasets.voc import MultiLabelSet
from zoo.errors import DataError
from zoo.evaluation.evaluation import Evaluation
from zoo.evaluation.protocols import PROTOCOLS
from zoo.metrics.voc import voc_ap


def evaluate_classes(
    scores: Float[Tensor, "image category"], data: MultiLabelSet, protocol: str = "voc07"
) -> Evaluation:
    """Evaluate one score per image and class: mean AP, by 11 points and by area, and each class's.

    Raises:
        DataError: not one row per image, or a score is not a number.
    """
    if scores.shape != data.present.shape or scores.isnan().any():
        raise DataError(
            f"{data.name}: scores of shape {tuple(scores.shape)} for {len(data)} images and "
            f"{len(data.classes)} classes, or not all of them numbers"
        )
    by_points = voc_ap(scores, data.present, data.difficult)
    by_area = voc_ap(scores, data.present, data.difficult, "area")
    classes = {f"ap_{n}": float(v) for n, v in zip(data.classes, by_points, strict=True)}
    means = {"voc_map": float(by_points.nanmean()), "voc_map_area": float(by_area.nanmean())}
    return Evaluation(
        protocol=protocol,
        definition=PROTOCOLS[protocol].definition,
        metrics=means | classes,
        queries=len(data.classes),
        gallery=len(data),
        per_query={"voc_map": by_points},
        query_items=tuple(range(len(data.classes))),
    )
