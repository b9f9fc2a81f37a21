"""What each paper balances, with its box losses, on boxes whose overlaps are known."""

import pytest
import torch
from torch import Tensor

from zoo.detection.bridge import require_mmdet
from zoo.losses.detection_alrp import detection_alrp
from zoo.losses.detection_ap import detection_ap
from zoo.losses.rank_sort import rank_sort

require_mmdet()

from zoo.detection.heads.ranking import (  # noqa: E402
    ALRPRanking,
    APRanking,
    RankSortRanking,
    positive_logits,
)

LOGITS = torch.tensor([[0.4, -1.0], [0.3, 0.2], [-0.5, 0.1], [0.6, 0.5]])
LABELS = torch.tensor([0, 2, 1, 2])  # the second and the last candidate are background
MASK = torch.tensor([[True, False], [False, False], [False, True], [False, False]])
TARGET = torch.tensor([[0.0, 0, 10, 10], [0, 0, 10, 10]])
PREDICTED = torch.tensor([[0.0, 0, 10, 5], [5, 0, 15, 10]])
IOU = torch.tensor([1 / 2, 1 / 3])
GIOU = IOU  # each pair's hull has no place that is in neither


def targets() -> Tensor:
    found = torch.zeros_like(LOGITS)
    found[MASK] = IOU
    return found


def test_a_label_beyond_the_last_is_no_positive() -> None:
    assert positive_logits(LOGITS, LABELS).equal(MASK)


@pytest.mark.parametrize("weight", [1.0, 0.2])
def test_ap_loss_leaves_the_boxes_to_the_head(weight: float) -> None:
    ranking = APRanking(loss_weight=weight)
    assert not ranking.decoded
    losses = ranking(LOGITS, LABELS, PREDICTED, TARGET)
    assert losses.keys() == {"loss_cls"}
    torch.testing.assert_close(losses["loss_cls"], weight * detection_ap(LOGITS, MASK, 1.0))


def parts() -> tuple[Tensor, Tensor]:
    found: tuple[Tensor, Tensor] = detection_alrp(LOGITS, MASK, 1 - GIOU, 1.0)
    return found


def test_alrp_takes_what_a_box_lacks_and_balances_by_the_last_period() -> None:
    ranking = ALRPRanking(period=2)
    assert ranking.decoded
    by_class, by_box = parts()
    for balance in (50.0, 50.0, float((by_class + by_box) / by_box)):  # 50 until it is known
        losses = ranking(LOGITS, LABELS, PREDICTED, TARGET)
        torch.testing.assert_close(losses["loss_cls"], by_class)
        torch.testing.assert_close(losses["loss_bbox"], balance * by_box)
    assert ALRPRanking().period == 3665  # steps of an epoch of COCO in batches of 32
    assert ranking.sums[0] == 1


def test_a_balance_stays_where_no_box_was_off() -> None:
    ranking = ALRPRanking(period=1)
    ranking(LOGITS, LABELS, TARGET, TARGET)
    assert ranking.balance == 50


def test_rank_and_sort_sorts_by_overlap_and_balances_its_boxes() -> None:
    ranking = RankSortRanking()
    losses = ranking(LOGITS, LABELS, PREDICTED, TARGET)
    by_rank, by_sort = rank_sort(LOGITS, targets(), 0.5)
    torch.testing.assert_close(losses["loss_rank"], by_rank)
    torch.testing.assert_close(losses["loss_sort"], by_sort)
    torch.testing.assert_close(losses["loss_bbox"], by_rank + by_sort)
    apart = ranking(LOGITS, LABELS, PREDICTED + 100, TARGET)  # still positives
    assert apart["loss_rank"] > 0
    assert apart["loss_bbox"].isfinite()


def test_gradients_of_rank_and_sorts_boxes_are_those_of_weighted_giou() -> None:
    boxes = PREDICTED.clone().requires_grad_()
    (found,) = torch.autograd.grad(
        RankSortRanking()(LOGITS, LABELS, boxes, TARGET)["loss_bbox"], boxes
    )
    # the first grows in its bottom edge: d GIoU = 10 / 100, weighed by its score of .4
    scores = torch.tensor([0.4, 0.1]).sigmoid()
    mean = float((scores * (1 - GIOU)).sum() / scores.sum())
    balance = sum(map(float, rank_sort(LOGITS, targets(), 0.5))) / mean
    wanted = -balance * float(scores[0] / scores.sum()) * 0.1
    assert found[0, 3].item() == pytest.approx(wanted, rel=1e-4)
