"""What the anchor heads share: gather the candidates of all levels and images into one list."""

from typing import Any

import torch
from jaxtyping import Float
from mmdet.registry import MODELS
from torch import Tensor

Levels = list[Tensor]


def ranked_anchor_losses(
    head: Any,
    cls_scores: Levels,
    bbox_preds: Levels,
    instances: list[Any],
    metas: list[dict[str, Any]],
    ignored: list[Any] | None = None,
) -> dict[str, Tensor]:
    """Return the losses of a head that keeps mmdetection's anchor targets but ranks all anchors."""
    sizes = [scores.shape[-2:] for scores in cls_scores]
    anchors, flags = head.get_anchors(sizes, metas, device=cls_scores[0].device)
    labels, weights, targets, *_ = head.get_targets(
        anchors, flags, instances, metas, batch_gt_instances_ignore=ignored
    )
    priors = torch.stack([torch.cat(list(levels)) for levels in anchors])
    return ranked_losses(
        head,
        (flat(cls_scores, head.cls_out_channels), flat(bbox_preds, 4)),
        (priors, torch.cat(labels, dim=1), torch.cat(weights, dim=1), torch.cat(targets, dim=1)),
    )


def ranked_losses(
    head: Any, predictions: tuple[Tensor, Tensor], assigned: tuple[Tensor, Tensor, Tensor, Tensor]
) -> dict[str, Tensor]:
    """Return the losses of (logits, deltas) against (priors, labels, weights, targets).

    All have the leading axes (image, candidate); a candidate of weight 0 is neither positive nor
    negative.
    """
    (logits, deltas), (priors, labels, weights, targets) = predictions, assigned
    used = weights > 0
    positive = used & (labels < head.num_classes)
    predicted, target = deltas[positive], targets[positive]
    if head.reg_decoded_bbox:
        predicted = head.bbox_coder.decode(priors[positive], predicted)
    losses: dict[str, Tensor] = head.ranking(logits[used], labels[used], predicted, target)
    if "loss_bbox" not in losses:
        losses["loss_bbox"] = configured_box_loss(head, predicted, target)
    return losses


def flat(levels: Levels, channels: int) -> Float[Tensor, "image candidate channel"]:
    """Return feature maps (image, anchor x channel, h, w) of all levels as one list per image."""
    return torch.cat(
        [level.permute(0, 2, 3, 1).reshape(len(level), -1, channels) for level in levels], dim=1
    )


def ranked(settings: dict[str, Any], ranking: dict[str, Any]) -> dict[str, Any]:
    """Return a head's settings with one logit per label, and boxes as the ranking needs them."""
    logits = {"type": "CrossEntropyLoss", "use_sigmoid": True}  # decides the channels, never called
    decoded = {"reg_decoded_bbox": True} if MODELS.get(ranking["type"]).decoded else {}
    return {**settings, "loss_cls": logits, **decoded}


def configured_box_loss(head: Any, predicted: Tensor, target: Tensor) -> Tensor:
    """Return the box loss of the head's own configuration, with the weight of its ranking."""
    loss: Tensor = head.loss_bbox(predicted, target, avg_factor=max(len(target), 1))
    weight: float = head.ranking.loss_weight
    return weight * loss
