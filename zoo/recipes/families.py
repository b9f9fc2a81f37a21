"""What the recipes of one line of work have in common, as the authors' code has it.

SupRank line: ROADMAP (NeurIPS 2021), HAPPIER (ECCV 2022), SupRank (TPAMI 2025), from their
repositories' configurations. RS@k: Recall@k Surrogate Loss (CVPR 2022), from its `main.py`.
Smooth-AP (ECCV 2020), from its `main.py`. Their codes count the query in its own ranking
(`query="positive"`, RS@k `"rival"`): so do these recipes.
"""

from dataclasses import replace
from typing import Any

from zoo.recipes.recipe import Augmentation, Engine, LossTerm, Network, Optimiser, Published

RESNET50 = "timm/resnet50.tv_in1k"
RESNET101 = "timm/resnet101.tv_in1k"
RESNET34 = "timm/resnet34.tv_in1k"
DEIT_S = "timm/deit_small_distilled_patch16_224.fb_in1k"
VIT_B16 = "timm/vit_base_patch16_224.augreg_in21k"
VIT_B32 = "timm/vit_base_patch32_224.augreg_in21k"

SUPRANK_CROPS = Augmentation(scale=(0.16, 1.0))
STANDARD_CROPS = Augmentation(scale=(0.08, 1.0))  # torchvision's default crop and flip

SUP_AP = LossTerm("sup_ap", {"query": "positive"})
SUP_AP_INAT = LossTerm("sup_ap", {"query": "positive", "start": 0.0, "offset": 1.0})
CALIBRATION = LossTerm("calibration", {"alpha": 0.9, "beta": 0.6})
SUP_HAP = LossTerm("sup_hap", {"query": "positive"}, weight=0.9)
PROXIES = LossTerm("cluster_proxy", {"tau": 0.05}, weight=0.1, lr=10.0, final_lr=0.1)
RECALL_AT_K = LossTerm("recall_at_k", {"query": "rival"})
SMOOTH_AP = LossTerm("smooth_ap", {"query": "positive"})

HALF = Engine(precision="float16")  # the SupRank line trains in half precision
V100 = "1 GPU of 32 GB (a V100), in chunks of 200"


def weighted(term: LossTerm, weight: float) -> LossTerm:
    """Return the loss with another weight in the sum."""
    return replace(term, weight=weight)


def adam(lr: float, weight_decay: float, head_lr: float = 1.0) -> Optimiser:
    """Return Adam; `head_lr` multiplies the rate of pooling and head."""
    return Optimiser("adam", lr, head_lr, weight_decay)


def adamw(lr: float, weight_decay: float) -> Optimiser:
    """Return AdamW with one rate for the whole network."""
    return Optimiser("adamw", lr, weight_decay=weight_decay)


def resnet50(size: int, resize: int, **head: Any) -> Network:
    """Return a ResNet-50 with average pooling and 512 dimensions, unless `head` says otherwise."""
    return Network(RESNET50, **{"pooling": "avg", "dim": 512, **head}, size=size, resize=resize)


def deit_small(size: int = 224, resize: int = 256) -> Network:
    """Return DeiT-S: its class token, 384 dimensions, no head."""
    return Network(DEIT_S, pooling="token", size=size, resize=resize)


def recall_resnet50() -> Network:
    """Return RS@k's ResNet-50: GeM, layer norm, 512 dimensions, frozen batch norm."""
    return resnet50(224, 256, pooling="gem", layer_norm="affine")


def recall_vit(backbone: str) -> Network:
    """Return RS@k's vision transformer: class token, layer norm, 512 dimensions."""
    head: dict[str, Any] = {"pooling": "token", "layer_norm": "affine", "dim": 512}
    return Network(backbone, **head, size=224, resize=256)


def recalls(source: str, tag: Any, **percent: float) -> Published:
    """Return a published result given as `r1=83.1, r10=92.7`."""
    metrics = {f"recall_at_{name.removeprefix('r')}": value for name, value in percent.items()}
    return Published(metrics, source, tag)
