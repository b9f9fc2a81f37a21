"""Losses on the pretended accelerator: the CPU's values and gradients, no tensor left behind."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from tests.accelerator import same_on_both
from tests.losses.test_contract import RANKING, batch, build, made
from zoo.losses import (
    LOSSES,
    CrossBatchMemory,
    DetectionALRP,
    DetectionAP,
    DetectionBlackboxAP,
    RankSort,
    SoDeepMAP,
    SoDeepSpearman,
)
from zoo.losses.distributed import AcrossProcesses
from zoo.losses.memory import MemoryOptions
from zoo.losses.pairs import PAIR_LOSSES

Value = Callable[..., Tensor]
LEVELS = torch.stack([batch()[1], batch()[1] // 2], dim=1)


def with_gradient(value: Value, points: Tensor, *others: Tensor) -> tuple[Tensor, Tensor]:
    """Return a value and its gradient at `points`."""
    leaf = points.detach().clone().requires_grad_()
    found = value(leaf, *others)
    (gradient,) = torch.autograd.grad(found, leaf)
    return found, gradient


def agrees(make: Callable[[], nn.Module], points: Tensor, *others: Tensor) -> None:
    """Make a loss, move it to the points' device, compare value and gradient there."""
    same_on_both(
        lambda leaf, *rest: with_gradient(make().to(leaf.device), leaf, *rest), points, *others
    )


@pytest.mark.parametrize("labels", [batch()[1], LEVELS], ids=["flat", "levels"])
@pytest.mark.parametrize("name", LOSSES)
def test_a_batch(name: str, labels: Tensor) -> None:
    agrees(lambda: build(name), batch()[0], labels)


@pytest.mark.parametrize("name", LOSSES)
def test_a_batch_where_there_is_no_float64(name: str) -> None:
    """Apple's MPS has none; what was float64 is float32 there."""
    same_on_both(
        lambda leaf, labels: with_gradient(made(name).to(leaf.device), leaf, labels),
        batch()[0].float(),
        LEVELS,
        doubles=False,
        rtol=1e-4,
        atol=1e-5,
    )


@pytest.mark.parametrize("query", ["exclude", "positive", "rival"])
@pytest.mark.parametrize("name", RANKING)
def test_a_gallery_that_holds_the_queries(name: str, query: str) -> None:
    (queries, labels), places = batch(), torch.arange(5)
    gallery = (queries.roll(1, 0), labels.roll(1), places + 1)
    agrees(lambda: build(name, query=query, query_chunk=2), queries[:5], labels[:5], *gallery)


@pytest.mark.parametrize(
    "options",
    [MemoryOptions(), MemoryOptions(join="sum"), MemoryOptions(unique=True, join="average")],
    ids=lambda options: options.join,
)
@pytest.mark.parametrize("name", ["smooth_ap", "blackbox_recall", "contrastive"])
def test_a_memory_over_three_batches(name: str, options: MemoryOptions) -> None:
    def third(points: Tensor, labels: Tensor) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        memory = CrossBatchMemory(build(name), 20, 6, options=options).double().to(points.device)
        items = torch.arange(len(points), device=points.device)
        for shift in (0, 1):
            memory(points.roll(shift, 1), labels, items)
        return *with_gradient(memory, points, labels, items), memory.state_dict()

    same_on_both(third, *batch())


@pytest.mark.parametrize("name", ["recall_at_k", "fast_ap", "triplet"])
def test_a_loss_across_processes(name: str) -> None:
    agrees(lambda: AcrossProcesses(build(name)), *batch())


@pytest.mark.parametrize("name", PAIR_LOSSES)
def test_a_matrix_of_pairs(name: str) -> None:
    agrees(lambda: PAIR_LOSSES[name](), torch.rand(20, 20) * 2 - 1)


DETECTION: dict[str, Value] = {
    "ap": lambda z, iou: DetectionAP()(z, iou > 0),
    "alrp": lambda z, iou: sum(DetectionALRP()(z, iou > 0, 1 - iou[iou > 0]), z.new_zeros(())),
    "rank_sort": lambda z, iou: sum(RankSort()(z, iou), z.new_zeros(())),
}


@pytest.mark.parametrize("doubles", [True, False], ids=["float64", "no float64"])
@pytest.mark.parametrize("positives", [7, 0])
@pytest.mark.parametrize("name", DETECTION)
def test_a_detection_loss(name: str, positives: int, doubles: bool) -> None:
    iou, logits = torch.rand(60) * (torch.arange(60) < positives), torch.randn(60)
    same_on_both(lambda z, i: with_gradient(DETECTION[name], z, i), logits, iou, doubles=doubles)


def test_blackbox_ap_with_its_memory() -> None:
    def second(scores: Tensor, positive: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        loss = DetectionBlackboxAP()
        loss(scores.roll(1, 0), positive)
        resumed = DetectionBlackboxAP()
        resumed.set_extra_state(loss.get_extra_state().cpu())  # as a checkpoint keeps it
        return *with_gradient(loss, scores, positive), resumed(scores, positive)

    same_on_both(second, torch.randn(30, 4), torch.rand(30, 4) > 0.7)


@pytest.mark.parametrize("sorter", ["gaussian", "cnn", "soft_rank_kl"])
def test_sodeep(sorter: str) -> None:
    agrees(lambda: SoDeepSpearman(sorter), torch.randn(3, 100), torch.randn(3, 100))
    agrees(lambda: SoDeepMAP(sorter), torch.randn(100, 3), torch.rand(100, 3).round() - 0.5)
