"""RetinaNet's head, trained by a ranking loss."""

from typing import Any

from mmdet.models.dense_heads import RetinaHead
from mmdet.registry import MODELS
from torch import Tensor

from zoo.detection.heads.anchors import ranked, ranked_anchor_losses


@MODELS.register_module()
class RankedRetinaHead(RetinaHead):  # type: ignore[misc]
    """`RetinaHead` whose focal loss gives way to `ranking`, over the anchors of the whole batch."""

    def __init__(self, *args: Any, ranking: dict[str, Any], **settings: Any) -> None:
        super().__init__(*args, **ranked(settings, ranking))
        self.ranking = MODELS.build(ranking)

    def loss_by_feat(self, *features_and_targets: Any) -> dict[str, Tensor]:
        """Return the losses of all levels together; arguments as `AnchorHead.loss_by_feat`."""
        return ranked_anchor_losses(self, *features_and_targets)
