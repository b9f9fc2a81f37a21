from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from zoo.benchmarks.detection import (
    alrp_loop,
    ap_loop,
    compare_detection_losses,
    example,
    rank_sort_loop,
)
from zoo.errors import UsageError
from zoo.losses import DetectionALRP, DetectionAP, RankSort
from zoo.losses.detection_ranks import check_logits

LOGITS = [2, 1, 0.2, -0.5, 1.5, 0.7, 0, -1]
POSITIVE = torch.arange(8) < 4
ERROR = torch.tensor([0.2, 0.5, 0.1, 0.8], dtype=torch.float64)
IOU = torch.tensor([0.9, 0.6, 0.8, 0.5, 0, 0, 0, 0], dtype=torch.float64)

Classification = Callable[[Tensor, Tensor], Tensor]
ON_BATCH: dict[str, Classification] = {
    "detection_ap": lambda z, iou: DetectionAP()(z, iou > 0),
    "detection_alrp": lambda z, iou: DetectionALRP()(z, iou > 0, 1 - iou[iou > 0])[0],
    "rank_sort": lambda z, iou: sum(RankSort()(z, iou), torch.zeros(())),
}
LOOPS: dict[str, Callable[[Tensor, Tensor], tuple[float, Tensor]]] = {
    "detection_ap": lambda z, iou: ap_loop(z, iou > 0),
    "detection_alrp": lambda z, iou: alrp_loop(z, iou > 0, 1 - iou[iou > 0]),
    "rank_sort": rank_sort_loop,
}


def toy() -> Tensor:
    return torch.tensor(LOGITS, dtype=torch.float64, requires_grad=True)


def gradient_of(value: Tensor, logits: Tensor) -> list[float]:
    (gradient,) = torch.autograd.grad(value, logits, retain_graph=True)
    return [float(g) for g in gradient]


def test_ap_loss_gives_the_published_value_and_gradient() -> None:
    logits = toy()
    loss = DetectionAP()(logits, POSITIVE)
    assert loss.item() == pytest.approx(0.348792, abs=1e-6)
    assert gradient_of(loss, logits) == pytest.approx(
        [-0.050000, -0.085938, -0.103365, -0.109489, 0.193167, 0.099898, 0.046603, 0.009124],
        abs=1e-6,
    )


def test_alrp_gives_the_published_values_and_gradient() -> None:
    logits = toy()
    classification, localisation = DetectionALRP()(logits, POSITIVE, ERROR)
    assert classification.item() == pytest.approx(0.348792, abs=1e-6)
    assert localisation.item() == pytest.approx(0.191543, abs=1e-6)
    assert gradient_of(classification, logits) == pytest.approx(
        [-0.050000, -0.102344, -0.140385, -0.138139, 0.231121, 0.127582, 0.060653, 0.011512],
        abs=1e-6,
    )


def test_rank_sort_gives_the_published_values_and_gradient() -> None:
    logits = toy()
    ranking, sorting = RankSort()(logits, IOU)
    assert ranking.item() == pytest.approx(0.346287, abs=1e-6)
    assert sorting.item() == pytest.approx(0.026667, abs=1e-6)
    assert gradient_of(ranking + sorting, logits) == pytest.approx(
        [0, -0.084444, -0.146458, -0.115385, 0.183137, 0.109063, 0.054087, 0], abs=1e-6
    )


def test_sorting_alone_moves_no_negative() -> None:
    logits = toy()
    _, sorting = RankSort()(logits, IOU)
    assert gradient_of(sorting, logits)[4:] == [0, 0, 0, 0]


@pytest.mark.parametrize("name", ON_BATCH)
@pytest.mark.parametrize(("negatives", "positives"), [(300, 40), (5, 30), (400, 1), (0, 12)])
def test_value_and_gradient_equal_the_loop_over_positives(
    name: str, negatives: int, positives: int
) -> None:
    logits, _, iou = example(negatives, positives, seed=positives)
    logits, iou = (3 * logits).double().requires_grad_(), iou.double()
    loss = ON_BATCH[name](logits, iou)
    value, gradient = LOOPS[name](logits.detach(), iou)
    assert loss.item() == pytest.approx(value, abs=1e-12)
    assert gradient_of(loss, logits) == pytest.approx(gradient.tolist(), abs=1e-12)


@pytest.mark.parametrize("name", ON_BATCH)
def test_tied_scores_are_shared_as_in_the_loop(name: str) -> None:
    logits, _, iou = example(60, 20)
    logits, iou = logits.double().round().requires_grad_(), iou.double()
    value, gradient = LOOPS[name](logits.detach(), iou)
    loss = ON_BATCH[name](logits, iou)
    assert loss.item() == pytest.approx(value, abs=1e-12)
    assert gradient_of(loss, logits) == pytest.approx(gradient.tolist(), abs=1e-12)


@pytest.mark.parametrize("name", ON_BATCH)
def test_the_sorting_term_may_come_in_many_chunks(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zoo.losses.rank_sort.CHUNK_ELEMENTS", 100)
    logits, _, iou = example(30, 45)
    logits, iou = logits.double().requires_grad_(), iou.double()
    loss = ON_BATCH[name](logits, iou)
    assert gradient_of(loss, logits) == pytest.approx(
        LOOPS[name](logits.detach(), iou)[1].tolist(), abs=1e-12
    )


@pytest.mark.parametrize("name", ON_BATCH)
@pytest.mark.parametrize("size", [0, 7])
def test_a_batch_without_positives_gives_a_zero_that_back_propagates(name: str, size: int) -> None:
    logits = torch.randn(size, requires_grad=True)
    loss = ON_BATCH[name](logits, torch.zeros(size))
    assert loss.item() == 0
    assert gradient_of(loss, logits) == [0] * size


@pytest.mark.parametrize("name", ON_BATCH)
def test_a_perfect_ranking_costs_nothing(name: str) -> None:
    logits = torch.tensor([9.0, 6.0, 3.0, -3.0, -6.0], requires_grad=True)
    loss = ON_BATCH[name](logits, torch.tensor([0.9, 0.8, 0.7, 0.0, 0.0]))
    assert loss.item() == pytest.approx(0, abs=1e-7)
    assert gradient_of(loss, logits) == pytest.approx([0] * 5, abs=1e-7)


@pytest.mark.parametrize("name", ON_BATCH)
def test_the_order_of_anchors_does_not_matter(name: str) -> None:
    logits, _, iou = example(50, 10)
    order = torch.randperm(60)
    shuffled = ON_BATCH[name](logits[order], iou[order])
    assert ON_BATCH[name](logits, iou).item() == pytest.approx(shuffled.item(), abs=1e-6)


@pytest.mark.parametrize("name", ON_BATCH)
def test_half_precision_logits_are_ranked_in_single_precision(name: str) -> None:
    logits, _, iou = example(50, 10)
    half = logits.to(torch.bfloat16).requires_grad_()
    loss = ON_BATCH[name](half, iou)
    assert loss.item() == pytest.approx(ON_BATCH[name](half.detach().float(), iou).item(), abs=1e-6)
    assert torch.autograd.grad(loss, half)[0].dtype == torch.bfloat16


def test_logits_of_any_shape_are_one_list() -> None:
    logits = toy()
    flat = DetectionAP()(logits, POSITIVE)
    grid = DetectionAP()(logits.view(2, 4), POSITIVE.view(2, 4))
    assert grid.item() == flat.item()
    assert gradient_of(grid, logits) == gradient_of(flat, logits)


def test_localisation_is_differentiable_in_the_localisation_error_only() -> None:
    logits, error = toy(), ERROR.clone().requires_grad_()
    _, localisation = DetectionALRP()(logits, POSITIVE, error)
    localisation.backward()
    ranks = torch.tensor([1.25, 3.2, 5.2, 6.85], dtype=torch.float64)
    by_hand = (1 / ranks).flip(0).cumsum(dim=0).flip(0) / 4
    torch.testing.assert_close(error.grad, by_hand)
    assert logits.grad is None


def test_an_outer_weight_scales_the_assigned_gradient() -> None:
    logits = toy()
    loss = DetectionAP()(logits, POSITIVE)
    assert gradient_of(3 * loss, logits) == pytest.approx(
        [3 * g for g in gradient_of(loss, logits)]
    )


@pytest.mark.parametrize("delta", [0.0, -1.0, float("nan")])
def test_a_ramp_without_width_is_refused(delta: float) -> None:
    with pytest.raises(UsageError, match="delta is"):
        DetectionAP(delta)(torch.zeros(2), torch.tensor([True, False]))


def test_targets_of_another_shape_are_refused() -> None:
    with pytest.raises(UsageError, match=r"logits \(2,\) and targets \(3,\) differ in shape"):
        check_logits(torch.zeros(2), torch.zeros(3), delta=1.0)
    with pytest.raises(UsageError, match="one localisation|localisation errors for"):
        DetectionALRP()(torch.zeros(2), torch.tensor([True, False]), torch.zeros(3))


def test_the_benchmark_finds_loss_and_loop_equal() -> None:
    rows = compare_detection_losses(negatives=400, positives=30, repeats=1)
    assert [row["loss"] for row in rows] == list(ON_BATCH)
    assert all(float(row["value_difference"]) < 1e-6 for row in rows)
    assert all(float(row["gradient_difference"]) < 1e-6 for row in rows)
