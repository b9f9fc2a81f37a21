"""What the recipes of one line of work have in common, as the authors' code has it.

SupRank line: ROADMAP (NeurIPS 2021), HAPPIER (ECCV 2022), SupRank (TPAMI 2025), from their
repositories' configurations. RS@k: Recall@k Surrogate Loss (CVPR 2022), from its `main.py`.
Smooth-AP (ECCV 2020), from its `main.py`. Their codes count the query in its own ranking
(`query="positive"`, RS@k `"rival"`): so do these recipes. All normalise by ImageNet's colours and
resize bilinearly, whatever the backbone was trained with.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from zoo.recipes.recipe import (
    Augmentation,
    Batch,
    Data,
    Engine,
    LossTerm,
    MemoryUse,
    Network,
    Optimiser,
    Published,
    Recipe,
    Schedule,
)

RESNET50 = "timm/resnet50.tv_in1k"
RESNET101 = "timm/resnet101.tv_in1k"
RESNET34 = "timm/resnet34.tv_in1k"
DEIT_S = "timm/deit_small_distilled_patch16_224.fb_in1k"
VIT_B16 = "timm/vit_base_patch16_224.augreg_in21k"
VIT_B32 = "timm/vit_base_patch32_224.augreg_in21k"

SUPRANK_CROPS = Augmentation(scale=(0.16, 1.0), ratio=(0.75, 1.33), attempts=10)
STANDARD_CROPS = Augmentation(scale=(0.08, 1.0), attempts=10)  # torchvision's default, and flip

INAT = {"query": "positive", "start": 0.0, "offset": 1.0}
SUP_AP = LossTerm("sup_ap", {"query": "positive"})
SUP_AP_INAT = LossTerm("sup_ap", INAT)
CALIBRATION = LossTerm("calibration", {"alpha": 0.9, "beta": 0.6})
SUP_HAP = LossTerm("sup_hap", {"query": "positive"}, weight=0.9)
SUP_HAP_INAT = LossTerm("sup_hap", INAT, weight=0.9)
PROXIES = LossTerm("cluster_proxy", {"tau": 0.05}, weight=0.1)
RECALL_AT_K = LossTerm("recall_at_k", {"query": "rival"})
SMOOTH_AP = LossTerm("smooth_ap", {"query": "positive"})

HALF = Engine(precision="float16")  # the SupRank line trains in half precision

ON_TEST = {
    "selection": "the last weights are kept: theirs are the best by recall on the test set, "
    "which is to choose by the answers",
}
HALF_LOSS = {
    "loss_precision": "scores and losses are float32: half precision resolves a score to 0.0005, "
    "a twentieth of the temperature",
}
ROADMAP_DEVIATES = {**ON_TEST, **HALF_LOSS}


def weighted(term: LossTerm, weight: float) -> LossTerm:
    """Return the loss with another weight in the sum."""
    return replace(term, weight=weight)


def adam(lr: float, weight_decay: float, head_lr: float = 1.0) -> Optimiser:
    """Return Adam; `head_lr` multiplies the rate of pooling and head."""
    return Optimiser("adam", lr, head_lr, weight_decay)


def adamw(lr: float, weight_decay: float, head_lr: float = 1.0) -> Optimiser:
    """Return AdamW; `head_lr` multiplies the rate of pooling and head."""
    return Optimiser("adamw", lr, head_lr, weight_decay)


def sgd(lr: float, weight_decay: float, head_lr: float = 1.0) -> Optimiser:
    """Return SGD with Nesterov's momentum; `head_lr` multiplies the rate of pooling and head."""
    return Optimiser("sgd", lr, head_lr, weight_decay)


def driven(term: LossTerm, optimiser: Optimiser, final_lr: float = 0.0) -> LossTerm:
    """Return the loss with its proxies driven by the network's optimiser, at the head's rate."""
    rate = optimiser.lr * optimiser.head_lr
    chosen: dict[str, Any] = {"optimiser": optimiser.name, "weight_decay": optimiser.weight_decay}
    return replace(term, lr=rate, final_lr=final_lr, **chosen)


def cosine(epochs: int = 100, final_lr: float = 0.0, paused: int = 0) -> Schedule:
    """Return a cosine that moves once an epoch; `paused` epochs train the head alone before it."""
    shape = {"kind": "cosine", "per": "epoch", "final_lr": final_lr}
    return Schedule(epochs, **shape, frozen_epochs=paused, paused=paused > 0)  # type: ignore[arg-type]


def steps(epochs: int, *decay_at: int) -> Schedule:
    """Return a schedule whose rate falls to 0.3 of itself at some epochs."""
    return Schedule(epochs, kind="step", decay_at=decay_at)


def network(backbone: str, size: int, resize: int, **head: Any) -> Network:
    """Return a network fed as these codes feed theirs: bilinear, ImageNet's colours."""
    inputs: dict[str, Any] = {"interpolation": "bilinear", "colours": "imagenet"}
    return Network(backbone, size=size, resize=resize, **inputs, **head)


def resnet50(size: int, resize: int, **head: Any) -> Network:
    """Return a ResNet-50 with average pooling and 512 dimensions, unless `head` says otherwise."""
    return network(RESNET50, size, resize, **{"pooling": "avg", "dim": 512, **head})


def deit_small(size: int = 224, resize: int = 256, **more: Any) -> Network:
    """Return DeiT-S: the distilled weights without their token, class token of 384, no head."""
    return network(DEIT_S, size, resize, pooling="token", undistilled=True, **more)


def recall_resnet50() -> Network:
    """Return RS@k's ResNet-50: GeM, layer norm, 512 dimensions, frozen batch norm."""
    return resnet50(224, 256, pooling="gem", layer_norm="affine")


def recall_vit(backbone: str) -> Network:
    """Return RS@k's vision transformer: class token, layer norm, 512 dimensions."""
    return network(backbone, 224, 256, pooling="token", layer_norm="affine", dim=512)


def recalls(source: str, tag: Any, **percent: float) -> Published:
    """Return a published result given as `r1=83.1, r10=92.7`."""
    metrics = {f"recall_at_{name.removeprefix('r')}": value for name, value in percent.items()}
    return Published(metrics, source, tag)


MIRROR = "a leaderboard mirror"
VPTSP = "VPTSP, tables 2 and 3"


def recall_at_k(
    data: str, size: int, chunk: int, optimiser: Optimiser, schedule: Schedule
) -> Recipe:
    """Return RS@k on a ResNet-50: `size` images a batch, `chunk` at once."""
    return Recipe(
        name=f"{data}-resnet50-recall_at_k",
        about=f"RS@k on batches of {size}",
        network=recall_resnet50(),
        data=Data(data),
        augmentation=STANDARD_CROPS,
        batch=Batch(size, sampler="every_image", in_order=True, chunk=chunk),
        loss=RECALL_AT_K,
        optimiser=optimiser,
        schedule=schedule,
        hardware=_v100(chunk),
        deviates=ON_TEST,
    )


def smooth_ap(data: str, schedule: Schedule) -> Recipe:
    """Return Smooth-AP on a ResNet-50, with the optimiser that its authors use for every set."""
    return Recipe(
        name=f"{data}-resnet50-smooth_ap",
        about="Smooth-AP on batches of 384",
        network=resnet50(224, 256),
        data=Data(data),
        augmentation=STANDARD_CROPS,
        batch=Batch(384, sampler="every_image", in_order=True),
        loss=SMOOTH_AP,
        optimiser=adam(1e-5, 4e-4),
        schedule=schedule,
        deviates=ON_TEST,
    )


def on_vit(recipe: Recipe, backbone: str, optimiser: Optimiser, **more: Any) -> Recipe:
    """Return an RS@k recipe on a vision transformer, without the other network's result."""
    short = "vitb16" if backbone == VIT_B16 else "vitb32"
    chunk = more.pop("chunk", recipe.batch.chunk)
    return replace(
        recipe,
        name=recipe.name.replace("resnet50", short),
        network=recall_vit(backbone),
        optimiser=optimiser,
        batch=replace(recipe.batch, chunk=chunk),
        hardware=_v100(chunk),
        **{"published": None, **more},
    )


def with_simix(recipes: tuple[Recipe, ...], **published: Published) -> Iterator[Recipe]:
    """Yield each RS@k recipe and its variant with SiMix, whose results are `published`."""
    for recipe in recipes:
        yield recipe
        yield replace(
            recipe,
            name=f"{recipe.name}-simix",
            about=f"{recipe.about}, with SiMix: every pair of a class adds a virtual item",
            batch=replace(recipe.batch, simix=True),
            published=published.get(recipe.name.split("-")[1]),
        )


def with_memory(recipe: Recipe, name: str, images: int) -> Recipe:
    """Return a recipe whose rankings hold the latest embedding of each of its training images."""
    return replace(
        recipe,
        name=name,
        about="ROADMAP with the latest embedding of every training image in the ranking",
        memory=images,
        memory_use=MemoryUse(unique=True, join="sum"),
        published=None,
    )


def deviating(recipe: Recipe, more: Mapping[str, str], **changes: Any) -> Recipe:
    """Return a changed recipe that deviates from its source in more than before."""
    return replace(recipe, **changes, deviates={**recipe.deviates, **more})


def _v100(chunk: int) -> str:
    return f"1 GPU of 32 GB (a V100), in chunks of {chunk}"
