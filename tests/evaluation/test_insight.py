"""What a report shows beside the numbers."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from sklearn.metrics import precision_recall_curve
from torch import nn

from zoo.data.dataset import ImageDataset
from zoo.embedding.extract import Extractor
from zoo.evaluation.images import Measured, evaluate_images
from zoo.evaluation.insight import look_into, precision_recall, rank_histogram
from zoo.evaluation.queries import task_of
from zoo.metrics.ranks import positive_ranks


@pytest.fixture
def measured(colour_model: nn.Module, squares: Callable[..., ImageDataset]) -> Measured:
    dataset = squares(4)
    items = list(dataset.items)
    items[0] = type(items[0])(items[0].path, ("blue",))  # a red square called blue
    wrong = ImageDataset("squares", dataset.root, tuple(items), ("label",))
    return evaluate_images(Extractor(colour_model), wrong, [task_of(wrong)])


def test_the_worst_query_and_class_come_first(measured: Measured) -> None:
    insight = look_into(measured)
    assert insight.failures[0].path.parent.name == "red"
    assert insight.failures[0].label == "blue"
    assert not insight.failures[0].hits[0].right
    assert all(hit.path != insight.failures[0].path for hit in insight.failures[0].hits)
    assert insight.worst_classes[0].label == "blue"
    assert insight.worst_classes[-1].average_precision == 1
    assert insight.confusions["label"][0].times >= 1
    assert sum(insight.first_ranks.values()) == 12


def test_confusions_are_counted_at_every_level_of_the_hierarchy(
    colour_model: nn.Module, squares: Callable[..., ImageDataset]
) -> None:
    warm = {"red": "warm", "green": "cold", "blue": "cold"}
    dataset = squares(4)
    items = [replace(i, labels=(*i.labels, warm[i.labels[0]])) for i in dataset.items]
    items[0] = replace(items[0], labels=("blue", "cold"))  # a red square
    levels = ImageDataset("squares", dataset.root, tuple(items), ("colour", "warmth"))
    found = look_into(evaluate_images(Extractor(colour_model), levels, [task_of(levels)]))
    counted = {
        level: {(pair.label, pair.taken_for): pair.times for pair in pairs}
        for level, pairs in found.confusions.items()
    }
    assert list(counted) == ["colour", "warmth"]
    assert counted["colour"]["blue", "red"] == 1
    assert counted["warmth"]["cold", "warm"] == 1
    assert all(asked != taken for pairs in counted.values() for asked, taken in pairs)
    # The red square called blue is nearest to red ones, and they are of another warmth too.
    assert found.closeness == {"colour": 11, "warmth": 0, "none": 1}


def test_nothing_is_far_where_every_first_answer_agrees(
    colour_model: nn.Module, squares: Callable[..., ImageDataset]
) -> None:
    dataset = squares(4)
    found = look_into(evaluate_images(Extractor(colour_model), dataset, [task_of(dataset)]))
    assert found.closeness == {"label": 12, "none": 0}


def test_the_curve_is_the_interpolated_one_of_scikit_learn() -> None:
    scores, relevant = torch.rand(30, dtype=torch.float64), torch.rand(30) < 0.3
    precision, recall, _ = precision_recall_curve(relevant.numpy(), scores.numpy())
    for at, got in precision_recall(positive_ranks(scores[None], relevant[None])):
        best = max(p for p, r in zip(precision[:-1], recall[:-1], strict=True) if r >= at - 1e-9)
        assert got == pytest.approx(best, abs=1e-12)


def test_ranks_fall_into_widening_bins() -> None:
    ranks = torch.tensor([1, 1, 2, 7, 500, 5000, torch.nan]).double()
    counts = rank_histogram(ranks)
    assert counts == {"1": 2, "2": 1, "3-5": 0, "6-10": 1, "11-100": 0, "101-1000": 1, ">1000": 1}
    borders = torch.tensor([3, 5, 6, 10, 11, 100, 101, 1000, 1001]).double()
    assert list(rank_histogram(borders).values()) == [0, 0, 2, 2, 2, 2, 1]
