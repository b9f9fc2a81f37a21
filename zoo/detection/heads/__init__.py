"""Heads, losses and a backbone that join mmdetection's registry when this package is imported.

In a configuration of one's own: `custom_imports = dict(imports=["zoo.detection.heads"])`.
"""

from zoo.detection.bridge import import_quietly

import_quietly("mmdet.models")  # before anything that imports mmcv's operators

from zoo.detection.heads.atss import RankedATSSHead  # noqa: E402
from zoo.detection.heads.blackbox import BlackboxAPBBoxHead, BlackboxAPLoss  # noqa: E402
from zoo.detection.heads.ranking import ALRPRanking, APRanking, RankSortRanking  # noqa: E402
from zoo.detection.heads.region import RankedRPNHead  # noqa: E402
from zoo.detection.heads.retina import RankedRetinaHead  # noqa: E402
from zoo.detection.heads.two_stage import RankedBBoxHead  # noqa: E402
from zoo.detection.timm_backbone import TimmBackbone  # noqa: E402

__all__ = [
    "ALRPRanking",
    "APRanking",
    "BlackboxAPBBoxHead",
    "BlackboxAPLoss",
    "RankSortRanking",
    "RankedATSSHead",
    "RankedBBoxHead",
    "RankedRPNHead",
    "RankedRetinaHead",
    "TimmBackbone",
]
