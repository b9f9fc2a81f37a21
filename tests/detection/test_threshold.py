"""The kept threshold is where F1 is highest: checked against trying every score."""

import numpy as np
import pytest
import torch

from zoo.detection.bridge import import_quietly

import_quietly("mmdet.datasets")

from zoo.detection.threshold import area, best_f1, matches  # noqa: E402
from zoo.metrics.voc import voc_ap  # noqa: E402

NONE = (np.zeros((0, 4)), np.zeros(0, dtype=int))


def by_trying(scores: np.ndarray, right: np.ndarray, objects: int) -> float:
    found = []
    for threshold in set(scores.tolist()):
        shown = scores >= threshold
        precision, recall = right[shown].mean(), right[shown].sum() / objects
        total = precision + recall
        found.append(2 * precision * recall / total if total else 0.0)
    return max(found)


@pytest.mark.parametrize("seed", range(20))
def test_the_best_f1_is_that_of_trying_every_score(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.integers(1, 12, 30) / 12  # with ties
    right = rng.random(30) < scores
    threshold, f1 = best_f1(scores, right, objects=int(right.sum()) + 3)
    assert f1 == pytest.approx(by_trying(scores, right, int(right.sum()) + 3))
    shown = scores >= threshold
    reached = 2 * right[shown].sum() / (shown.sum() + right.sum() + 3)
    assert reached == pytest.approx(f1)


def test_nothing_right_has_no_threshold() -> None:
    assert best_f1(np.array([0.5]), np.array([False]), 3) == (0.0, 0.0)
    assert best_f1(np.array([]), np.array([], dtype=bool), 3) == (0.0, 0.0)


@pytest.mark.parametrize("seed", range(5))
def test_the_area_is_vocs_when_every_object_is_found(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores, right = rng.random(30), rng.random(30) < 0.5
    theirs = voc_ap(torch.tensor(scores)[:, None], torch.tensor(right)[:, None], None, "area")
    assert area(scores, right, int(right.sum())) == pytest.approx(float(theirs))
    assert area(scores, right, 2 * int(right.sum())) == pytest.approx(float(theirs) / 2)


BOX = np.array([[0.0, 0.0, 10.0, 10.0]])


def test_an_object_is_found_once_by_its_label() -> None:
    boxes = np.concatenate([BOX, BOX, BOX, BOX + 7])
    labels, scores = np.array([0, 0, 1, 0]), np.array([0.2, 0.9, 0.8, 0.7])
    found = matches((boxes, labels, scores), (BOX, np.array([0])), NONE)
    assert found[0].tolist() == [0.9, 0.8, 0.7, 0.2]
    assert found[1].tolist() == [True, False, False, False]
    assert found[2].tolist() == [0, 1, 0, 0]


def test_a_box_on_an_ignored_object_counts_neither_way() -> None:
    found = (BOX, np.array([0]), np.array([0.9]))
    assert matches(found, NONE, (BOX, np.array([0])))[0].tolist() == []
    assert matches(found, NONE, (BOX, np.array([1])))[0].tolist() == [0.9]
