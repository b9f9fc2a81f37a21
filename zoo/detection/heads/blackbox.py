"""Faster R-CNN's box head trained on AP by blackbox differentiation: Rolinek et al., CVPR 2020.

The paper replaces the cross-entropy of the box head and leaves everything else; it says neither
which scores are ranked nor what becomes of the background. Here the scores are the raw logits,
one per label: a background region is a negative of every label, and there is no background logit
whose meaning a ranking within labels would leave open.
"""

from typing import Any

from mmdet.models.roi_heads.bbox_heads import Shared2FCBBoxHead
from mmdet.registry import MODELS
from torch import Tensor

from zoo.detection.heads.ranking import positive_logits
from zoo.detection.heads.two_stage import OneVersusRest
from zoo.losses.detection_blackbox_ap import DetectionBlackboxAP


@MODELS.register_module()
class BlackboxAPLoss(OneVersusRest):
    """The 2 : 1 pair of AP within and across labels, as a `loss_cls` of mmdetection's box heads."""

    def __init__(
        self,
        lam: float = 0.5,
        margin: float = 0.15,
        memory: int = 7,
        inter_class: float = 1 / 3,
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__()
        self.loss_weight = loss_weight
        self.ranking = DetectionBlackboxAP(lam, margin, memory, inter_class)

    def forward(self, cls_score: Tensor, labels: Tensor, weight: Tensor, **_: Any) -> Tensor:
        """Return the loss; AP is a mean already, so mmdetection's `avg_factor` has no part."""
        logits, labels = cls_score[weight > 0], labels[weight > 0]
        loss: Tensor = self.ranking(logits, positive_logits(logits, labels))
        return self.loss_weight * loss


@MODELS.register_module()
class BlackboxAPBBoxHead(Shared2FCBBoxHead):  # type: ignore[misc]
    """`Shared2FCBBoxHead` whose cross-entropy gives way to `BlackboxAPLoss`.

    `ranking` holds the options of the loss; a `loss_cls` inherited from the baseline is replaced.
    """

    def __init__(self, *args: Any, ranking: dict[str, Any] | None = None, **settings: Any) -> None:
        settings["loss_cls"] = {"type": "BlackboxAPLoss", **(ranking or {})}
        super().__init__(*args, **settings)
