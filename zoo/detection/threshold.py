"""The score above which a detector's boxes are worth showing, where F1 is highest; AP by class."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from mmengine.evaluator import BaseMetric
from mmengine.registry import METRICS

OVERLAP = 0.5


@METRICS.register_module()
class BestF1(BaseMetric):  # type: ignore[misc]
    """Reports the highest F1 over all labels at an overlap of .5, and the score it stands at.

    `ap_50/<label number>` and `objects/<label number>` are AP at that overlap (area), and of how
    many objects, for each label that has any.
    """

    default_prefix = "best"

    def process(self, data_batch: Any, data_samples: Sequence[dict[str, Any]]) -> None:  # noqa: ARG002
        """Match the boxes of every image with the annotated ones."""
        for sample in data_samples:
            found = _arrays(sample["pred_instances"], "bboxes", "labels", "scores")
            truth = _arrays(sample["gt_instances"], "bboxes", "labels")
            ignored = _arrays(sample["ignored_instances"], "bboxes", "labels")
            self.results.append((*matches(found, truth, ignored), truth[1]))

    def compute_metrics(self, results: list[Any]) -> dict[str, float]:
        """Return `f1` and `threshold`, and the numbers of each label."""
        scores, right, labels, true = map(np.concatenate, zip(*results, strict=True))
        threshold, f1 = best_f1(scores, right, len(true))
        told = {"f1": f1, "threshold": threshold}
        for label, objects in zip(*np.unique(true, return_counts=True), strict=True):
            own = labels == label
            told[f"ap_50/{label}"] = area(scores[own], right[own], int(objects))
            told[f"objects/{label}"] = float(objects)
        return told


def area(scores: np.ndarray, right: np.ndarray, objects: int) -> float:
    """Return the area under precision and recall, precision made to fall, as VOC 2010 has it.

    >>> area(np.array([0.9, 0.8, 0.7]), np.array([True, False, True]), 2)
    0.8333333333333333
    """
    hits = right[np.argsort(-scores, kind="stable")]
    precision = hits.cumsum() / np.arange(1, len(hits) + 1)
    falling = np.maximum.accumulate(precision[::-1])[::-1]
    return float((falling * hits).sum() / objects)


def matches(found: Any, truth: Any, ignored: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the scores of an image's boxes, best first, whether each is right, and their labels.

    A box is right when an annotated one of its label that no better box took overlaps by half.
    One that overlaps with an ignored object alone is left out.
    """
    boxes, labels, scores = (np.asarray(part) for part in found)
    order = np.argsort(-scores, kind="stable")
    true_boxes, true_labels = (np.asarray(part) for part in truth)
    free = np.ones(len(true_labels), dtype=bool)
    kept, right, named = [], [], []
    for place in order:
        overlaps = _overlaps(boxes[place], true_boxes)
        overlaps[(true_labels != labels[place]) | ~free] = 0
        best = int(overlaps.argmax()) if len(overlaps) else 0
        hit = bool(len(overlaps)) and overlaps[best] >= OVERLAP
        if hit:
            free[best] = False
        elif _on_ignored(boxes[place], int(labels[place]), ignored):
            continue
        kept.append(float(scores[place]))
        right.append(bool(hit))
        named.append(int(labels[place]))
    return np.array(kept), np.array(right, dtype=bool), np.array(named, dtype=int)


def best_f1(scores: np.ndarray, right: np.ndarray, objects: int) -> tuple[float, float]:
    """Return the score at which taking all boxes from it on has the highest F1, and that F1.

    >>> best_f1(np.array([0.9, 0.4, 0.2]), np.array([True, True, False]), 2)
    (0.4, 1.0)
    """
    if not len(scores) or not right.any():
        return 0.0, 0.0
    order = np.argsort(-scores, kind="stable")
    ranked, hits = scores[order], right[order].cumsum()
    f1 = 2 * hits / (np.arange(1, len(ranked) + 1) + objects)
    last_of_ties = np.append(ranked[1:] < ranked[:-1], True)
    best = int(np.where(last_of_ties, f1, -1).argmax())
    return float(ranked[best]), float(f1[best])


def _arrays(instances: Any, *names: str) -> tuple[np.ndarray, ...]:
    return tuple(instances[name].cpu().numpy() for name in names)


def _on_ignored(box: np.ndarray, label: int, ignored: Any) -> bool:
    boxes, labels = (np.asarray(part) for part in ignored)
    same = boxes[labels == label] if len(labels) else boxes[:0]
    return bool((_overlaps(box, same) >= OVERLAP).any())


def _overlaps(box: np.ndarray, others: np.ndarray) -> np.ndarray:
    others = others.reshape(-1, 4)
    low = np.maximum(box[:2], others[:, :2])
    high = np.minimum(box[2:], others[:, 2:])
    common = np.clip(high - low, 0, None).prod(axis=1)
    areas = (others[:, 2:] - others[:, :2]).prod(axis=1) + (box[2:] - box[:2]).prod()
    found: np.ndarray = common / np.maximum(areas - common, 1e-9)
    return found
