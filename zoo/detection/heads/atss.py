"""ATSS's head, trained by a ranking loss and without its centre-ness branch."""

from typing import Any

import torch
from mmcv.cnn import Scale
from mmdet.models.dense_heads import ATSSHead
from mmdet.registry import MODELS
from torch import Tensor

from zoo.detection.heads.anchors import flat, ranked, ranked_losses


@MODELS.register_module()
class RankedATSSHead(ATSSHead):  # type: ignore[misc]
    """`ATSSHead` that ranks by its class scores alone, in training and at test time."""

    def __init__(self, *args: Any, ranking: dict[str, Any], **settings: Any) -> None:
        super().__init__(*args, **ranked(settings, ranking))
        self.ranking = MODELS.build(ranking)

    def _init_layers(self) -> None:
        super()._init_layers()
        del self.atss_centerness

    def forward_single(self, x: Tensor, scale: Scale) -> tuple[Tensor, Tensor]:
        """Return the class scores and the deltas of one level."""
        by_class, by_box = x, x
        for layer in self.cls_convs:
            by_class = layer(by_class)
        for layer in self.reg_convs:
            by_box = layer(by_box)
        return self.atss_cls(by_class), scale(self.atss_reg(by_box)).float()

    def loss_by_feat(
        self,
        cls_scores: list[Tensor],
        bbox_preds: list[Tensor],
        instances: list[Any],
        metas: list[dict[str, Any]],
        ignored: list[Any] | None = None,
    ) -> dict[str, Tensor]:
        """Return the losses of all levels together."""
        sizes = [scores.shape[-2:] for scores in cls_scores]
        anchors, flags = self.get_anchors(sizes, metas, device=cls_scores[0].device)
        assigned = self.get_targets(
            anchors, flags, instances, metas, batch_gt_instances_ignore=ignored
        )
        priors, labels, weights, targets = (torch.cat(list(part), dim=1) for part in assigned[:4])
        predictions = flat(cls_scores, self.cls_out_channels), flat(bbox_preds, 4)
        return ranked_losses(self, predictions, (priors, labels, weights, targets))
