"""Losses whose value is the evaluation metric, or a bound of it: one per file."""

from zoo.losses.detection_alrp import DetectionALRP
from zoo.losses.detection_ap import DetectionAP
from zoo.losses.rank_sort import RankSort

__all__ = ["DetectionALRP", "DetectionAP", "RankSort"]
