"""Losses whose value is the evaluation metric, or a bound of it: one per file.

`LOSSES` holds the embedding losses by name: `LOSSES[name](...)(embeddings, labels)`. A new one is
one line, and tests/losses/test_contract.py then holds it to the contract of them all.
"""

from zoo.losses.detection_alrp import DetectionALRP
from zoo.losses.detection_ap import DetectionAP
from zoo.losses.rank_sort import RankSort
from zoo.losses.recall_at_k import RecallAtK
from zoo.losses.smooth_ap import SmoothAP
from zoo.losses.sodeep import SoDeepMAP, SoDeepRecall, SoDeepSpearman

LOSSES = {
    "recall_at_k": RecallAtK,
    "smooth_ap": SmoothAP,
}

__all__ = [
    "LOSSES",
    "DetectionALRP",
    "DetectionAP",
    "RankSort",
    "RecallAtK",
    "SmoothAP",
    "SoDeepMAP",
    "SoDeepRecall",
    "SoDeepSpearman",
]
