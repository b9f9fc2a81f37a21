"""Losses whose value is the evaluation metric, or a bound of it: one per file.

`LOSSES` holds the embedding losses by name: `LOSSES[name](...)(embeddings, labels)`. A new one is
one line, and tests/losses/test_contract.py then holds it to the contract of them all.
"""

from zoo.losses.baselines import (
    ArcFace,
    Contrastive,
    MultiSimilarity,
    ProxyAnchor,
    ProxyNCA,
    Triplet,
)
from zoo.losses.blackbox_ap import BlackboxAP
from zoo.losses.blackbox_recall import BlackboxRecall
from zoo.losses.calibration import Calibration
from zoo.losses.cluster_proxy import ClusterProxy
from zoo.losses.cross_level import CrossLevel
from zoo.losses.detection_alrp import DetectionALRP
from zoo.losses.detection_ap import DetectionAP
from zoo.losses.detection_blackbox_ap import DetectionBlackboxAP
from zoo.losses.fast_ap import FastAP
from zoo.losses.memory import CrossBatchMemory
from zoo.losses.mixup import simix
from zoo.losses.pnp import PNP
from zoo.losses.rank_sort import RankSort
from zoo.losses.recall_at_k import RecallAtK
from zoo.losses.smooth_ap import SmoothAP
from zoo.losses.smooth_hierarchical import SmoothHAP, SmoothNDCG
from zoo.losses.sodeep import SoDeepMAP, SoDeepRecall, SoDeepSpearman
from zoo.losses.soft_bin_ap import SoftBinAP
from zoo.losses.sup_ap import SupAP
from zoo.losses.sup_hap import SupHAP
from zoo.losses.sup_ndcg import SupNDCG
from zoo.losses.sup_recall_at_k import SupRecallAtK

LOSSES = {
    "arcface": ArcFace,
    "blackbox_ap": BlackboxAP,
    "blackbox_recall": BlackboxRecall,
    "calibration": Calibration,
    "cluster_proxy": ClusterProxy,
    "contrastive": Contrastive,
    "cross_level": CrossLevel,
    "fast_ap": FastAP,
    "multi_similarity": MultiSimilarity,
    "pnp": PNP,
    "proxy_anchor": ProxyAnchor,
    "proxy_nca": ProxyNCA,
    "recall_at_k": RecallAtK,
    "smooth_ap": SmoothAP,
    "smooth_hap": SmoothHAP,
    "smooth_ndcg": SmoothNDCG,
    "soft_bin_ap": SoftBinAP,
    "sup_ap": SupAP,
    "sup_hap": SupHAP,
    "sup_ndcg": SupNDCG,
    "sup_recall_at_k": SupRecallAtK,
    "triplet": Triplet,
}

__all__ = [
    "LOSSES",
    "PNP",
    "ArcFace",
    "BlackboxAP",
    "BlackboxRecall",
    "Calibration",
    "ClusterProxy",
    "Contrastive",
    "CrossBatchMemory",
    "CrossLevel",
    "DetectionALRP",
    "DetectionAP",
    "DetectionBlackboxAP",
    "FastAP",
    "MultiSimilarity",
    "ProxyAnchor",
    "ProxyNCA",
    "RankSort",
    "RecallAtK",
    "SmoothAP",
    "SmoothHAP",
    "SmoothNDCG",
    "SoDeepMAP",
    "SoDeepRecall",
    "SoDeepSpearman",
    "SoftBinAP",
    "SupAP",
    "SupHAP",
    "SupNDCG",
    "SupRecallAtK",
    "Triplet",
    "simix",
]
