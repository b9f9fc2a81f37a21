"""Faster R-CNN's box head without a background logit, trained by a ranking loss."""

from typing import Any

import torch
from jaxtyping import Float
from mmdet.models.roi_heads.bbox_heads import Shared2FCBBoxHead
from mmdet.registry import MODELS
from torch import Tensor, nn

from zoo.detection.heads.anchors import configured_box_loss, ranked

Scores = Float[Tensor, "region label"]


@MODELS.register_module()
class OneVersusRest(nn.Module):
    """Tells mmdetection's box heads that there is one sigmoid logit per label and no background.

    A region of the background is a negative of every label; there is no score for it, at test time
    either.
    """

    custom_cls_channels = True
    custom_activation = True
    custom_accuracy = True

    def get_cls_channels(self, num_classes: int) -> int:
        """Return the number of logits."""
        return num_classes

    def get_activation(self, cls_score: Scores) -> Float[Tensor, "region label_and_background"]:
        """Return probabilities, and a background column of zeros that mmdetection drops."""
        return torch.cat([cls_score.sigmoid(), cls_score.new_zeros(len(cls_score), 1)], dim=1)

    def get_accuracy(self, *scores_and_labels: Tensor) -> dict[str, Tensor]:  # noqa: ARG002
        """Return nothing: an accuracy would need the background score."""
        return {}


@MODELS.register_module()
class RankedBBoxHead(Shared2FCBBoxHead):  # type: ignore[misc]
    """`Shared2FCBBoxHead` whose cross-entropy gives way to `ranking`, over all sampled regions."""

    def __init__(self, *args: Any, ranking: dict[str, Any], **settings: Any) -> None:
        settings = {**ranked(settings, ranking), "loss_cls": {"type": "OneVersusRest"}}
        super().__init__(*args, **settings)
        self.ranking = MODELS.build(ranking)

    def loss(
        self,
        cls_score: Tensor,
        bbox_pred: Tensor,
        rois: Tensor,
        labels: Tensor,
        label_weights: Tensor,
        bbox_targets: Tensor,
        bbox_weights: Tensor,  # noqa: ARG002
        reduction_override: str | None = None,  # noqa: ARG002
    ) -> dict[str, Tensor]:
        """Return the losses; arguments as `BBoxHead.loss`."""
        rows = ((label_weights > 0) & (labels < self.num_classes)).nonzero().squeeze(1)
        deltas = bbox_pred.view(len(bbox_pred), -1, 4)
        which = torch.zeros_like(rows) if self.reg_class_agnostic else labels[rows]
        predicted, target = deltas[rows, which], bbox_targets[rows]
        if self.reg_decoded_bbox:
            predicted = self.bbox_coder.decode(rois[rows, 1:], predicted)
        used = label_weights > 0
        losses: dict[str, Tensor] = self.ranking(cls_score[used], labels[used], predicted, target)
        if "loss_bbox" not in losses:
            losses["loss_bbox"] = configured_box_loss(self, predicted, target)
        return losses
