"""mmcv's own functions, run through the bridge, against torchvision and against brute force."""

import importlib
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torchvision
from torch import Tensor

from zoo.detection.bridge import require_mmdet
from zoo.errors import UnavailableError

require_mmdet()
ops = importlib.import_module("mmcv.ops")


def boxes(count: int) -> Tensor:
    corner = torch.rand(count, 2) * 20
    return torch.cat([corner, corner + 2 + torch.rand(count, 2) * 15], dim=1)


def rois(count: int, images: int) -> Tensor:
    return torch.cat([torch.randint(images, (count, 1)).float(), boxes(count)], dim=1)


def gradients(value: Tensor, *leaves: Tensor) -> list[Tensor]:
    torch.manual_seed(7)
    return list(torch.autograd.grad((value * torch.rand_like(value)).sum(), leaves))


def agree(one: Callable[..., Tensor], other: Callable[..., Tensor], *inputs: Tensor) -> None:
    leaves = [x.clone().requires_grad_() for x in inputs]
    ours, theirs = one(*leaves), other(*leaves)
    torch.testing.assert_close(ours, theirs)
    for a, b in zip(gradients(ours, *leaves), gradients(theirs, *leaves), strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.7])
def test_nms_keeps_what_torchvision_keeps(threshold: float) -> None:
    candidates, scores = boxes(80), torch.rand(80)
    dets, kept = ops.nms(candidates, scores, threshold)
    assert kept.tolist() == torchvision.ops.nms(candidates, scores, threshold).tolist()
    torch.testing.assert_close(dets, torch.cat([candidates[kept], scores[kept, None]], dim=1))


def test_nms_with_an_offset_counts_pixels() -> None:
    first, second = [0.0, 0.0, 9.0, 9.0], [0.0, 5.0, 9.0, 14.0]  # 10 x 10 pixels, 50 in common
    _, kept = ops.nms(torch.tensor([first, second]), torch.tensor([0.9, 0.8]), 0.32, offset=1)
    assert kept.tolist() == [0]  # 50 / 150 > 0.32; without the offset 36 / 126 < 0.32
    _, kept = ops.nms(torch.tensor([first, second]), torch.tensor([0.9, 0.8]), 0.32)
    assert kept.tolist() == [0, 1]


def soft_nms_by_hand(
    candidates: Tensor, scores: Tensor, method: str, floor: float
) -> list[tuple[int, float]]:
    left = dict(enumerate(scores.tolist()))
    kept = []
    while left:
        best = max(left, key=lambda i: left[i])
        kept.append((best, left.pop(best)))
        for i in list(left):
            iou = float(torchvision.ops.box_iou(candidates[best, None], candidates[i, None]))
            if method == "gaussian":
                left[i] *= float(torch.tensor(-(iou**2) / 0.5).exp())
            elif iou >= 0.3:
                left[i] *= 1 - iou if method == "linear" else 0
            if left[i] < floor:
                del left[i]
    return kept


@pytest.mark.parametrize("method", ["naive", "linear", "gaussian"])
def test_soft_nms_decays_as_by_hand(method: str) -> None:
    candidates, scores = boxes(30), torch.rand(30)
    dets, kept = ops.soft_nms(
        candidates, scores, iou_threshold=0.3, sigma=0.5, min_score=0.05, method=method
    )
    expected = soft_nms_by_hand(candidates, scores, method, 0.05)
    assert kept.tolist() == [index for index, _ in expected]
    assert dets[:, 4].tolist() == pytest.approx([score for _, score in expected], abs=1e-6)
    torch.testing.assert_close(dets[:, :4], candidates[kept])


def test_naive_soft_nms_is_nms() -> None:
    candidates, scores = boxes(60), torch.rand(60)
    _, kept = ops.soft_nms(candidates, scores, iou_threshold=0.4, method="naive", min_score=1e-9)
    assert kept.tolist() == torchvision.ops.nms(candidates, scores, 0.4).tolist()


def test_nms_match_groups_every_box_under_the_one_that_suppresses_it() -> None:
    candidates, scores = boxes(40), torch.rand(40)
    groups = ops.nms_match(torch.cat([candidates, scores[:, None]], dim=1), 0.4)
    kept = torchvision.ops.nms(candidates, scores, 0.4)
    assert [int(group[0]) for group in groups] == kept.tolist()
    assert sorted(int(i) for group in groups for i in group) == list(range(40))


def test_overlaps_are_those_of_torchvision() -> None:
    first, second = boxes(12), boxes(9)
    torch.testing.assert_close(
        ops.bbox_overlaps(first, second), torchvision.ops.box_iou(first, second)
    )
    aligned = ops.bbox_overlaps(first[:9], second, aligned=True)
    torch.testing.assert_close(aligned, torchvision.ops.box_iou(first[:9], second).diagonal())
    inside = torch.tensor([[2.0, 2.0, 4.0, 4.0]])
    around = torch.tensor([[0.0, 0.0, 8.0, 8.0]])
    assert ops.bbox_overlaps(inside, around, mode="iof").item() == 1


@pytest.mark.parametrize("aligned", [True, False])
@pytest.mark.parametrize("sampling", [0, 2])
def test_roi_align_and_its_gradient_are_torchvisions(aligned: bool, sampling: int) -> None:
    places = rois(6, images=2)

    def mmcv_way(features: Tensor) -> Tensor:
        result: Tensor = ops.roi_align(features, places, (5, 4), 0.5, sampling, "avg", aligned)
        return result

    def torchvision_way(features: Tensor) -> Tensor:
        result: Tensor = torchvision.ops.roi_align(features, places, (5, 4), 0.5, sampling, aligned)
        return result

    agree(mmcv_way, torchvision_way, torch.rand(2, 3, 18, 16))


def test_maximum_roi_align_is_refused_by_name() -> None:
    with pytest.raises(UnavailableError, match="pool_mode='max'"):
        ops.roi_align(torch.rand(1, 1, 8, 8), rois(1, images=1), (2, 2), 1.0, 0, "max", True)


def test_roi_pool_and_its_gradient_are_torchvisions() -> None:
    places = rois(6, images=2)
    agree(
        lambda features: ops.roi_pool(features, places, (4, 3), 0.5),
        lambda features: torchvision.ops.roi_pool(features, places, (4, 3), 0.5),
        torch.rand(2, 3, 18, 16),
    )


GEOMETRIES: list[dict[str, Any]] = [
    {"stride": 1, "padding": 1, "dilation": 1},
    {"stride": (2, 1), "padding": (1, 2), "dilation": (1, 2)},
]


def offsets_and_mask(features: Tensor, geometry: dict[str, Any]) -> tuple[Tensor, Tensor]:
    like = torch.nn.functional.conv2d(features, torch.zeros(1, features.shape[1], 3, 3), **geometry)
    size = (len(features), 18, *like.shape[2:])
    return torch.randn(size), torch.rand(size[0], 9, *size[2:])


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_deformable_convolution_and_its_gradients_are_torchvisions(
    geometry: dict[str, Any],
) -> None:
    features, weight = torch.rand(2, 3, 9, 8), torch.randn(4, 3, 3, 3)
    offset, _ = offsets_and_mask(features, geometry)
    settings = tuple(geometry.values())
    agree(
        lambda x, o, w: ops.deform_conv2d(x, o, w, *settings),
        lambda x, o, w: torchvision.ops.deform_conv2d(x, o, w, **geometry),
        *(features, offset, weight),
    )


@pytest.mark.parametrize("geometry", GEOMETRIES)
@pytest.mark.parametrize("biased", [True, False])
def test_modulated_deformable_convolution_is_torchvisions(
    geometry: dict[str, Any], biased: bool
) -> None:
    features, weight = torch.rand(2, 3, 9, 8), torch.randn(4, 3, 3, 3)
    offset, mask = offsets_and_mask(features, geometry)
    settings, bias = tuple(geometry.values()), [torch.randn(4)] if biased else []
    agree(
        lambda x, o, m, w, *b: ops.modulated_deform_conv2d(x, o, m, w, *(b or [None]), *settings),
        lambda x, o, m, w, *b: torchvision.ops.deform_conv2d(x, o, w, *b, mask=m, **geometry),
        *(features, offset, mask, weight, *bias),
    )


def test_sigmoid_focal_loss_and_its_gradient_are_torchvisions() -> None:
    target = torch.tensor([0, 2, 3, 1])  # 3 is background
    positive = torch.nn.functional.one_hot(target, 4)[:, :3].float()
    agree(
        lambda logits: ops.sigmoid_focal_loss(logits, target, 2.0, 0.25, None, "sum"),
        lambda logits: torchvision.ops.sigmoid_focal_loss(
            logits, positive, 0.25, 2.0, reduction="sum"
        ),
        torch.randn(4, 3),
    )


def test_focal_loss_with_label_weights_is_refused() -> None:
    with pytest.raises(UnavailableError, match="label weights"):
        ops.sigmoid_focal_loss(torch.zeros(1, 2), torch.tensor([0]), 2.0, 0.25, torch.ones(2))
