"""From a batch of candidates to losses: AP-loss, aLRP and Rank & Sort with their box losses.

A candidate is an anchor or a region; it has one logit per label and no background logit. The
positives are the candidates whose label is below the number of labels, in order; `predicted` and
`target` are their boxes. What each paper balances, and how, is here; heads only gather.
"""

from abc import ABC, abstractmethod
from typing import Any

import torch
from jaxtyping import Bool, Float, Int64
from mmdet.registry import MODELS
from mmdet.structures.bbox import bbox_overlaps
from torch import Tensor, nn

from zoo.losses.detection_alrp import detection_alrp
from zoo.losses.detection_ap import detection_ap
from zoo.losses.rank_sort import rank_sort

Logits = Float[Tensor, "candidate label"]
Labels = Int64[Tensor, " candidate"]
Boxes = Float[Tensor, "positive box"]
SMALLEST_IOU = 1e-6  # a positive that does not touch its target is still no negative


def positive_logits(logits: Logits, labels: Labels) -> Bool[Tensor, "candidate label"]:
    """Return which logits are positive: at most one per candidate."""
    rows = (labels < logits.shape[1]).nonzero().squeeze(1)
    mask = torch.zeros_like(logits, dtype=torch.bool)
    mask[rows, labels[rows]] = True
    return mask


class Ranking(nn.Module, ABC):
    """A ranking loss over candidates; `decoded` says whether it needs boxes or deltas."""

    decoded = True

    def __init__(self, delta: float, loss_weight: float = 1.0) -> None:
        super().__init__()
        self.delta = delta
        self.loss_weight = loss_weight

    def forward(
        self, logits: Logits, labels: Labels, predicted: Boxes, target: Boxes
    ) -> dict[str, Any]:
        """Return the weighted losses; without `loss_bbox` the head adds its configured one."""
        losses = self.losses(logits, labels, predicted.float(), target)
        return {name: self.loss_weight * loss for name, loss in losses.items()}

    @abstractmethod
    def losses(
        self, logits: Logits, labels: Labels, predicted: Boxes, target: Boxes
    ) -> dict[str, Tensor]:
        """Return the losses by name."""


@MODELS.register_module()
class APRanking(Ranking):
    """AP-loss; the box loss stays the one of the configuration."""

    decoded = False

    def __init__(self, delta: float = 1.0, loss_weight: float = 1.0) -> None:
        super().__init__(delta, loss_weight)

    def losses(
        self,
        logits: Logits,
        labels: Labels,
        predicted: Boxes,  # noqa: ARG002
        target: Boxes,  # noqa: ARG002
    ) -> dict[str, Tensor]:
        """Return `loss_cls`."""
        return {"loss_cls": detection_ap(logits, positive_logits(logits, labels), self.delta)}


@MODELS.register_module()
class ALRPRanking(Ranking):
    """aLRP; its box part is weighted by a balance that is renewed every `period` steps.

    The balance starts at 50 and becomes (classification + localisation) / localisation, of their
    means over the last period: the published periods are one epoch long.
    """

    balance: Tensor
    sums: Tensor

    def __init__(self, delta: float = 1.0, loss_weight: float = 1.0, period: int = 3665) -> None:
        super().__init__(delta, loss_weight)
        self.period = period
        self.register_buffer("balance", torch.tensor(50.0))
        self.register_buffer("sums", torch.zeros(3))  # steps, classification, localisation

    def losses(
        self, logits: Logits, labels: Labels, predicted: Boxes, target: Boxes
    ) -> dict[str, Tensor]:
        """Return `loss_cls` and the balanced `loss_bbox`."""
        error = 1 - bbox_overlaps(predicted, target, mode="giou", is_aligned=True)
        mask = positive_logits(logits, labels)
        classification, localisation = detection_alrp(logits, mask, error, self.delta)
        losses = {"loss_cls": classification, "loss_bbox": self.balance.clone() * localisation}
        self._remember(classification.detach(), localisation.detach())
        return losses

    def _remember(self, classification: Tensor, localisation: Tensor) -> None:
        self.sums += torch.stack([torch.ones_like(localisation), classification, localisation])
        if self.sums[0] >= self.period:
            _, by_class, by_box = self.sums
            self.balance.copy_(torch.where(by_box > 0, (by_class + by_box) / by_box, self.balance))
            self.sums.zero_()


@MODELS.register_module()
class RankSortRanking(Ranking):
    """Rank & Sort; its box loss is GIoU weighted by score and balanced to the ranking loss.

    The weight of a box is its highest score over the labels, as the authors' code has it.
    """

    def __init__(self, delta: float = 0.5, loss_weight: float = 1.0) -> None:
        super().__init__(delta, loss_weight)

    def losses(
        self, logits: Logits, labels: Labels, predicted: Boxes, target: Boxes
    ) -> dict[str, Tensor]:
        """Return `loss_rank`, `loss_sort` and the balanced `loss_bbox`."""
        mask = positive_logits(logits, labels)
        iou = bbox_overlaps(predicted.detach(), target, is_aligned=True)
        targets = torch.zeros_like(logits, dtype=torch.float32)
        targets[mask] = iou.clamp(min=SMALLEST_IOU)
        ranking, sorting = rank_sort(logits.float(), targets, self.delta)
        giou = bbox_overlaps(predicted, target, mode="giou", is_aligned=True)
        confidence = logits.detach()[mask.any(dim=1)].float().amax(dim=1).sigmoid()
        boxes = (confidence * (1 - giou)).sum() / confidence.sum().clamp(min=SMALLEST_IOU)
        balance = (ranking + sorting).detach() / boxes.detach().clamp(min=SMALLEST_IOU)
        return {"loss_rank": ranking, "loss_sort": sorting, "loss_bbox": balance * boxes}
