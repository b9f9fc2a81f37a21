"""The region proposal network, trained by a ranking loss."""

from typing import Any

from mmdet.models.dense_heads import RPNHead
from mmdet.registry import MODELS
from torch import Tensor

from zoo.detection.heads.anchors import ranked, ranked_anchor_losses


@MODELS.register_module()
class RankedRPNHead(RPNHead):  # type: ignore[misc]
    """`RPNHead` that ranks its anchors; the papers weigh it by 0.2 and sample none of them.

    Leave the sampler out of `train_cfg.rpn` for that.
    """

    def __init__(self, *args: Any, ranking: dict[str, Any], **settings: Any) -> None:
        super().__init__(*args, **ranked(settings, ranking))
        self.ranking = MODELS.build(ranking)

    def loss_by_feat(self, *features_and_targets: Any) -> dict[str, Tensor]:
        """Return the losses under the names of a proposal network."""
        losses = ranked_anchor_losses(self, *features_and_targets)
        return {name.replace("loss_", "loss_rpn_"): loss for name, loss in losses.items()}
