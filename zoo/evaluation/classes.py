"""Multi-label classification, as PASCAL VOC scores it."""

from collections.abc import Mapping, Sequence
from math import isnan

from jaxtyping import Float
from torch import Tensor

from zoo.data.datasets.voc import CLASSES as VOC
from zoo.data.scored import ScoredSet
from zoo.errors import DataError
from zoo.evaluation.protocols import PROTOCOLS
from zoo.metrics.evaluation import Evaluation
from zoo.metrics.voc import voc_ap


def evaluate_classes(
    scores: Float[Tensor, "image output"], data: ScoredSet, definition: str = ""
) -> Evaluation:
    """Evaluate one score per image and class: mean AP, by 11 points and by area, and each class's.

    VOC's own classes are measured under `voc07`, each AP by 11 points; others, under
    `multi-label`, by area. The classes are the queries: two models are compared class by class.
    Intervals are over images.

    Raises:
        DataError: not one row per image, or a score is not a number.
    """
    if scores.shape != data.targets.shape or scores.isnan().any():
        raise DataError(
            f"scores of shape {tuple(scores.shape)} for {len(data)} images and "
            f"{len(data.outputs)} classes, or not all of them numbers"
        )
    protocol = "voc07" if set(data.outputs) == set(VOC) else "multi-label"
    means = _precisions(scores, data)
    return Evaluation(
        protocol=protocol,
        definition=PROTOCOLS[protocol].definition if protocol == "voc07" else definition,
        metrics=_summary(means, data.outputs, protocol),
        queries=len(data.outputs),
        gallery=len(data),
        skipped=int(means["voc_map_area"].isnan().sum()),
        per_query=means,
        query_items=tuple(range(len(data.outputs))),
        resampled=lambda rows: _summary(_precisions(scores, data, rows), data.outputs, protocol),
    )


def _precisions(
    scores: Tensor, data: ScoredSet, rows: Tensor | slice = slice(None)
) -> dict[str, Tensor]:
    present, ignored = data.targets[rows] > 0, data.ignored[rows]
    return {
        "voc_map_11_point": voc_ap(scores[rows], present, ignored),
        "voc_map_area": voc_ap(scores[rows], present, ignored, "area"),
    }


def _summary(
    means: Mapping[str, Tensor], outputs: Sequence[str], protocol: str
) -> dict[str, float]:
    """Return the means, and the AP of every class that has a positive."""
    each = means["voc_map_11_point" if protocol == "voc07" else "voc_map_area"].tolist()
    named = {f"ap_{name}": ap for name, ap in zip(outputs, each, strict=True) if not isnan(ap)}
    return {name: float(values.nanmean()) for name, values in means.items()} | named
