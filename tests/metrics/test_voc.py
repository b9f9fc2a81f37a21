"""VOC average precision against plain loops and numbers worked out by hand."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from zoo.metrics.voc import voc_ap, voc_map


def plain(scores: list[float], right: list[bool], eleven: bool) -> float:
    order = sorted(range(len(scores)), key=lambda n: (-scores[n], right[n]))
    points, hits = [], 0
    for taken, item in enumerate(order, start=1):
        hits += right[item]
        points.append((hits, hits / taken))
    total = sum(right)
    if eleven:
        reached = [[p for h, p in points if 10 * h >= t * total] for t in range(11)]
        return sum(max(r, default=0.0) for r in reached) / 11
    return sum(max(p for h, p in points if h >= n) for n in range(1, total + 1)) / total


@pytest.fixture
def multilabel() -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    scores = torch.randint(0, 30, (60, 5), generator=generator).double()  # with ties
    targets = torch.rand(60, 5, generator=generator) < 0.3
    return scores, targets, torch.rand(60, 5, generator=generator) < 0.1


@pytest.mark.parametrize("interpolation", ["11-point", "area"])
def test_ap_equals_its_plain_definition_without_the_difficult_images(
    multilabel: tuple[Tensor, Tensor, Tensor], interpolation: str, parity: Callable[..., None]
) -> None:
    scores, targets, difficult = multilabel
    got = voc_ap(scores, targets, difficult, interpolation)  # type: ignore[arg-type]
    expected = []
    for n in range(5):
        keep = ~difficult[:, n]
        column, right = scores[keep, n].tolist(), targets[keep, n].tolist()
        expected.append(plain(column, right, eleven=interpolation == "11-point"))
    parity(f"VOC AP, {interpolation}", "brute force", got, expected, 1e-12)


def test_eleven_points_by_hand() -> None:
    # positives at ranks 1 and 3: precision 1 up to recall .5, then 2/3
    scores = torch.tensor([[3.0], [2.0], [1.0]])
    targets = torch.tensor([[True], [False], [True]])
    assert float(voc_map(scores, targets)) == pytest.approx((6 * 1 + 5 * 2 / 3) / 11)
    area = voc_map(scores, targets, interpolation="area")
    assert float(area) == pytest.approx((1 + 2 / 3) / 2)


def test_a_recall_of_three_tenths_reaches_the_fourth_point() -> None:
    # 3 of 10 positives first, then seven that rank below 90 wrong ones
    scores = torch.arange(100, 0, -1).double()[:, None]
    targets = torch.tensor([n < 3 or n >= 93 for n in range(100)])[:, None]
    assert float(voc_map(scores, targets)) == pytest.approx((4 * 1 + 7 * 0.1) / 11)


@pytest.mark.parametrize("interpolation", ["11-point", "area"])
def test_a_class_without_positives_or_images_is_left_out(interpolation: str) -> None:
    scores, targets = torch.rand(4, 3), torch.tensor([[True, False, True]] * 4)
    difficult = torch.tensor([[False, False, True]] * 4)  # the third class has no image left
    found = voc_ap(scores, targets, difficult, interpolation)  # type: ignore[arg-type]
    assert found.isnan().tolist() == [False, True, True]
    assert found.dtype == torch.float64
    assert float(voc_map(scores, targets, difficult, interpolation)) == 1  # type: ignore[arg-type]
