"""Detection's operators and heads on the pretended accelerator: the CPU's results."""

import importlib
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.accelerator import accelerator, assert_alike, on_cpu, on_device, same_on_both
from tests.detection.conftest import SIDE
from tests.detection.conftest import recipe as recipe
from tests.detection.conftest import samples as samples
from tests.detection.test_heads import pyramid, retina
from zoo.detection.bridge import require_mmdet
from zoo.detection.network import build_network
from zoo.detection.ops import boxes as box_ops
from zoo.detection.ops.focal import sigmoid_focal_loss_forward

require_mmdet()
ops = importlib.import_module("mmcv.ops")


def boxes(count: int) -> Tensor:
    corner = torch.rand(count, 2) * 20
    return torch.cat([corner, corner + 2 + torch.rand(count, 2) * 15], dim=1)


def filled(like: Tensor, fill: Callable[[Tensor], Any]) -> Tensor:
    out = torch.zeros_like(like)
    fill(out)
    return out


OPERATORS: dict[str, tuple[Callable[..., Any], tuple[Tensor, ...]]] = {
    "nms": (lambda b, s: ops.nms(b, s, 0.5), (boxes(30), torch.rand(30))),
    "soft nms": (
        lambda b, s: box_ops.softnms(
            b, s, torch.zeros_like(b[:, :1].expand(-1, 5)).clone(), 0.3, 0.5, 0.05, 2, 0
        ),
        (boxes(30), torch.rand(30)),
    ),
    "nms groups": (
        lambda d: box_ops.nms_match(d, 0.5),
        (torch.cat([boxes(20), torch.rand(20, 1)], 1),),
    ),
    "overlaps": (ops.bbox_overlaps, (boxes(5), boxes(7))),
    "focal loss": (
        lambda z, t: filled(
            z, lambda out: sigmoid_focal_loss_forward(z, t, z[:0, 0], out, gamma=2.0, alpha=0.25)
        ),
        (torch.randn(9, 3), torch.randint(4, (9,))),
    ),
    "RoIAlign": (
        lambda f, r: ops.roi_align(f, r, (3, 3), 0.5, 2, "avg", True),
        (torch.randn(1, 4, 16, 16), torch.cat([torch.zeros(5, 1), boxes(5)], 1)),
    ),
    "deformable convolution": (
        lambda f, o, w: ops.deform_conv2d(f, o, w, 1, 1),
        (torch.randn(1, 4, 8, 8), torch.randn(1, 18, 8, 8), torch.randn(4, 4, 3, 3)),
    ),
}


@pytest.mark.parametrize("name", OPERATORS)
def test_an_operator(name: str) -> None:
    operator, inputs = OPERATORS[name]
    same_on_both(operator, *inputs)


@pytest.mark.parametrize("doubles", [True, False], ids=["float64", "no float64"])
@pytest.mark.parametrize("ranking", ["APRanking", "ALRPRanking", "RankSortRanking"])
def test_a_head_and_its_gradient(
    ranking: str, doubles: bool, samples: Callable[..., list[Any]]
) -> None:
    torch.manual_seed(0)
    head, features = retina({"type": ranking}), [f.detach() for f in pyramid(2)]

    def losses(batch: list[Any], levels: list[Tensor]) -> tuple[dict[str, Tensor], Any]:
        leaves = [level.clone().requires_grad_() for level in levels]
        found = head.loss(leaves, batch)
        return found, torch.autograd.grad(sum(found.values()), leaves)

    state = {name: value.clone() for name, value in head.state_dict().items()}
    expected = on_cpu(losses(samples(2), features))
    head.load_state_dict(state)
    with accelerator(doubles) as device:
        head.to(device)
        batch = [sample.to(device) for sample in samples(2)]
        found = on_cpu(losses(batch, on_device(features)))
    assert_alike(found, expected)


@pytest.mark.parametrize(
    ("detector", "loss", "doubles"),
    [
        ("retinanet", "alrp", True),
        ("atss", "rank_sort", False),
        ("faster_rcnn", "blackbox_ap", True),
        ("cascade_rcnn", "rank_sort", False),
    ],
)
def test_an_update_of_a_whole_detector(
    detector: str,
    loss: str,
    doubles: bool,
    recipe: Callable[..., Any],
    samples: Callable[..., list[Any]],
) -> None:
    torch.manual_seed(0)
    model: Any = build_network(recipe(detector, loss), labels=2)
    model.init_weights()
    state = {name: value.clone() for name, value in model.state_dict().items()}
    images = torch.randn(2, 3, SIDE, SIDE)

    def after(device: str) -> dict[str, Tensor]:
        model.load_state_dict(state)
        model.to(device).train()
        torch.manual_seed(1)
        found = model.loss(images.to(device), [sample.to(device) for sample in samples(2)])
        total, _ = model.parse_losses(found)
        trained = [p for p in model.parameters() if p.requires_grad]
        gradients = torch.autograd.grad(total, trained, allow_unused=True)
        with torch.no_grad():
            for weight, gradient in zip(trained, gradients, strict=True):
                if gradient is not None:
                    weight.sub_(gradient, alpha=0.01)
        state_now = {name: value.clone() for name, value in model.state_dict().items()}
        updated: dict[str, Tensor] = on_cpu({"loss": total, **state_now})
        return updated

    expected = after("cpu")
    with accelerator(doubles) as device:
        assert_alike(after(device), expected, rtol=1e-3, atol=1e-4)
