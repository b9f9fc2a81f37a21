"""Rank & Sort loss: Oksuz et al., Rank & Sort Loss for Object Detection, ICCV 2021."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from zoo.device import needs_doubles
from zoo.losses.detection_ranks import (
    DetectionRanks,
    check_logits,
    detection_ranks,
    ramp_sums,
    with_gradient,
)

NEGLIGIBLE = 1e-10  # false positives or mis-sorted mass that call for no update
CHUNK_ELEMENTS = 1 << 17  # 1 MB of float64: the pairwise sorting term stays in cache


@needs_doubles
def rank_sort(
    logits: Float[Tensor, "*anchor"], iou_targets: Float[Tensor, "*anchor"], delta: float = 0.5
) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """Return the ranking and the sorting error, each with its own assigned gradient.

    `iou_targets` is 0 for negatives and the IoU (> 0) for positives. Ranking asks every positive
    to score above every negative, sorting asks the positives to be in the order of their IoU.
    The published code scales both gradients by the weight of the ranking term alone; here each
    follows its own, and their sum is the published gradient. Without a positive both are zeros
    that back-propagate.
    """
    checked = check_logits(logits, iou_targets, delta)
    is_positive = iou_targets > 0
    if not bool(is_positive.any()):
        return checked.sum() * 0, checked.sum() * 0
    ranks = detection_ranks(checked, is_positive, delta, self_weight=0.5)
    error = ranks.false_positives / ranks.rank
    counts = ranks.false_positives > NEGLIGIBLE
    shared = ranks.spread(torch.where(counts, 1 / ranks.rank, 0.0))
    gradient = ranks.scatter(checked, -torch.where(counts, error, 0.0), shared)
    ranking = with_gradient(error.mean(), checked, gradient)
    sorting_error, update = _sorting(ranks, iou_targets.flatten()[ranks.order].double())
    sorting = with_gradient(sorting_error.mean(), checked, ranks.scatter(checked, update))
    return ranking, sorting


def _sorting(
    ranks: DetectionRanks, iou: Float[Tensor, " positive"]
) -> tuple[Float[Tensor, " positive"], Float[Tensor, " positive"]]:
    """Return each positive's sorting error and update: the one term that needs all pairs."""
    scores, loss = ranks.positives, 1 - iou
    summed = ramp_sums(scores, scores, ranks.delta, loss)
    error, update = torch.empty_like(iou), torch.zeros_like(iou)
    columns = torch.stack([torch.ones_like(iou), loss], dim=1)
    steps = scores / (2 * ranks.delta)  # H(x_j - x_i) = clamp(steps_j - steps_i + 1/2, 0, 1)
    rows = max(1, CHUNK_ELEMENTS // len(iou))
    for start in range(0, len(iou), rows):
        chunk = slice(start, start + rows)
        reach = slice(int(torch.searchsorted(steps, steps[start] - 0.5)), None)
        above = (steps[reach] - (steps[chunk, None] - 0.5)).clamp_(0, 1)
        misplaced = above.mul_(iou[reach] < iou[chunk, None])  # ahead, but with the smaller IoU
        mass, wrong = (misplaced @ columns[reach]).T
        total = ranks.among_positives[chunk]
        excess = summed[chunk] / total - (summed[chunk] - wrong) / (total - mass)
        error[chunk] = excess
        blame = torch.where(mass > NEGLIGIBLE, excess, 0.0)
        update[chunk] -= blame
        update[reach] += torch.where(mass > NEGLIGIBLE, excess / mass, 0.0) @ misplaced
    return error, update


class RankSort(nn.Module):
    """`rank_sort` as a module; `delta` is the half-width of the ramp."""

    def __init__(self, delta: float = 0.5) -> None:
        super().__init__()
        self.delta = delta

    def forward(
        self, logits: Float[Tensor, "*anchor"], iou_targets: Float[Tensor, "*anchor"]
    ) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
        """Return (ranking, sorting); shapes as in `rank_sort`."""
        return rank_sort(logits, iou_targets, self.delta)
