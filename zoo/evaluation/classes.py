"""Multi-label classification, as PASCAL VOC scores it."""

from jaxtyping import Float
from torch import Tensor

from zoo.data.scored import ScoredSet
from zoo.errors import DataError
from zoo.evaluation.protocols import PROTOCOLS
from zoo.metrics.evaluation import Evaluation
from zoo.metrics.voc import voc_ap


def evaluate_classes(
    scores: Float[Tensor, "image output"], data: ScoredSet, protocol: str = "voc07"
) -> Evaluation:
    """Evaluate one score per image and class: mean AP, by 11 points and by area, and each class's.

    The classes are the queries: two models are compared class by class.

    Raises:
        DataError: not one row per image, or a score is not a number.
    """
    if scores.shape != data.targets.shape or scores.isnan().any():
        raise DataError(
            f"scores of shape {tuple(scores.shape)} for {len(data)} images and "
            f"{len(data.outputs)} classes, or not all of them numbers"
        )
    by_points = voc_ap(scores, data.targets > 0, data.ignored)
    by_area = voc_ap(scores, data.targets > 0, data.ignored, "area")
    means = {"voc_map_11_point": by_points, "voc_map_area": by_area}
    return Evaluation(
        protocol=protocol,
        definition=PROTOCOLS[protocol].definition,
        metrics={name: float(values.nanmean()) for name, values in means.items()}
        | {f"ap_{name}": float(ap) for name, ap in zip(data.outputs, by_points, strict=True)},
        queries=len(data.outputs),
        gallery=len(data),
        skipped=int(by_points.isnan().sum()),
        per_query=means,
        query_items=tuple(range(len(data.outputs))),
    )
