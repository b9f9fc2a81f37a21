"""Stanford Online Products: 11,318 classes to train on, as many others to search.

rankzoo train sop-resnet50-supap --data /data/SOP --out runs/sop

recipe                      hardware    published R@1, and where that was read
sop-resnet50-supap          -           83.1 [2] a later paper's table
sop-deits-supap             -           86.0 [2] a later paper's table
sop-resnet50-happier        -           -
sop-resnet50-happier_f      -           -
sop-resnet50-recall_at_k    32 GB GPU   -
sop-vitb32-recall_at_k      32 GB GPU   -
sop-vitb16-recall_at_k      32 GB GPU   88.0 [2] VPTSP, tables 2 and 3
sop-resnet50-smooth_ap      -           80.1 [2] a later paper's table
"""

from dataclasses import replace

from zoo.recipes.families import (
    CALIBRATION,
    HALF,
    PROXIES,
    RECALL_AT_K,
    SMOOTH_AP,
    STANDARD_CROPS,
    SUP_AP,
    SUP_HAP,
    SUPRANK_CROPS,
    V100,
    VIT_B16,
    VIT_B32,
    adam,
    adamw,
    deit_small,
    recall_resnet50,
    recall_vit,
    recalls,
    resnet50,
    weighted,
)
from zoo.recipes.recipe import Batch, Data, Recipe, Schedule

SUPAP = Recipe(
    name="sop-resnet50-supap",
    about="ROADMAP: SupAP and calibration on pairs of super-classes",
    network=resnet50(256, 288),
    data=Data("sop"),
    augmentation=SUPRANK_CROPS,
    batch=Batch(128, sampler="hierarchical", batches_per_tuple=10),
    loss=SUP_AP,
    extra_loss=CALIBRATION,
    optimiser=adam(1e-5, 1e-4, head_lr=2.0),
    schedule=Schedule(100, kind="step", decay_at=(30, 70)),
    engine=HALF,
    published=recalls("ROADMAP, in a later paper's table", "2", r1=83.1),
)

DEIT_SUPAP = replace(
    SUPAP,
    name="sop-deits-supap",
    network=deit_small(),
    optimiser=adamw(1e-5, 5e-4),
    schedule=Schedule(75, kind="step", decay_at=(25, 50)),
    published=recalls("ROADMAP, in a later paper's table", "2", r1=86.0),
)

HAPPIER = Recipe(
    name="sop-resnet50-happier",
    about="HAPPIER: 0.9 Sup-H-AP and 0.1 clustering, product and super-class",
    network=resnet50(256, 288, layer_norm="plain"),
    data=Data("sop", levels=2),
    augmentation=SUPRANK_CROPS,
    batch=Batch(256, sampler="hierarchical", batches_per_tuple=5),
    loss=SUP_HAP,
    extra_loss=PROXIES,
    optimiser=adam(5e-5, 1e-4, head_lr=2.0),
    schedule=Schedule(100, kind="cosine", frozen_epochs=5),
    engine=HALF,
)

HAPPIER_F = replace(
    HAPPIER,
    name="sop-resnet50-happier_f",
    about="HAPPIER_F: Sup-H-AP and clustering in equal parts",
    loss=weighted(SUP_HAP, 0.5),
    extra_loss=weighted(PROXIES, 0.5),
)

RECALL = Recipe(
    name="sop-resnet50-recall_at_k",
    about="RS@k on batches of 4000",
    network=recall_resnet50(),
    data=Data("sop"),
    augmentation=STANDARD_CROPS,
    batch=Batch(4000, chunk=200),
    loss=RECALL_AT_K,
    optimiser=adam(2e-4, 4e-4),
    schedule=Schedule(55, kind="step", decay_at=(25, 50)),
    hardware=V100,
)

VITB32_RECALL = replace(
    RECALL,
    name="sop-vitb32-recall_at_k",
    network=recall_vit(VIT_B32),
    optimiser=adamw(5e-5, 4e-4),
)

VITB16_RECALL = replace(
    VITB32_RECALL,
    name="sop-vitb16-recall_at_k",
    network=recall_vit(VIT_B16),
    published=recalls("VPTSP, tables 2 and 3", "2", r1=88.0, r10=96.1, r100=98.6),
)

SMOOTH = Recipe(
    name="sop-resnet50-smooth_ap",
    about="Smooth-AP on batches of 384",
    network=resnet50(224, 256),
    data=Data("sop"),
    augmentation=STANDARD_CROPS,
    batch=Batch(384),
    loss=SMOOTH_AP,
    optimiser=adam(1e-5, 4e-4),
    schedule=Schedule(400, kind="step", decay_at=(200, 300)),
    published=recalls("Smooth-AP, in a later paper's table", "2", r1=80.1),
)

RECIPES = (
    SUPAP,
    DEIT_SUPAP,
    HAPPIER,
    HAPPIER_F,
    RECALL,
    VITB32_RECALL,
    VITB16_RECALL,
    SMOOTH,
)
