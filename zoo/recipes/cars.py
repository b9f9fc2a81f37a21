"""Cars196: 98 car models to train on, 98 others to search.

rankzoo train cars-resnet50-recall_at_k --data /data/cars196 --out runs/cars

recipe                           hardware    published R@1, and where that was read
cars-resnet50-suprank            -           -
cars-resnet50-recall_at_k        32 GB GPU   80.7 [2] issue 8 of the authors' repository
cars-resnet50-recall_at_k-simix  32 GB GPU   -
cars-vitb32-recall_at_k          32 GB GPU   -
cars-vitb16-recall_at_k          32 GB GPU   89.5 [2] VPTSP, tables 2 and 3
"""

from dataclasses import replace

from zoo.recipes.families import (
    CALIBRATION,
    HALF,
    RECALL_AT_K,
    STANDARD_CROPS,
    SUP_AP,
    SUPRANK_CROPS,
    VIT_B16,
    VIT_B32,
    adam,
    adamw,
    recall_resnet50,
    recall_vit,
    recalls,
    resnet50,
    weighted,
)
from zoo.recipes.recipe import Batch, Data, Recipe, Schedule

SUPRANK = Recipe(
    name="cars-resnet50-suprank",
    about="SupRank: 0.9 SupAP and 0.1 calibration (the epochs are its repository's default)",
    network=resnet50(224, 256, layer_norm="plain"),
    data=Data("cars"),
    augmentation=SUPRANK_CROPS,
    batch=Batch(256),
    loss=weighted(SUP_AP, 0.9),
    extra_loss=weighted(CALIBRATION, 0.1),
    optimiser=adam(1e-4, 4e-4, head_lr=2.0),
    schedule=Schedule(100, kind="cosine"),
    engine=HALF,
)

RECALL = Recipe(
    name="cars-resnet50-recall_at_k",
    about="RS@k, every class in every batch",
    network=recall_resnet50(),
    data=Data("cars"),
    augmentation=STANDARD_CROPS,
    batch=Batch(392, chunk=98),
    loss=RECALL_AT_K,
    optimiser=adam(1e-4, 4e-4),
    schedule=Schedule(170, kind="step", decay_at=(80, 140)),
    hardware="1 GPU of 32 GB (a V100), in chunks of 98",
    published=recalls(
        "issue 8 of yash0307/RecallatK_surrogate", "2", r1=80.7, r2=88.3, r4=92.8, r8=95.7
    ),
)

SIMIX = replace(
    RECALL,
    name="cars-resnet50-recall_at_k-simix",
    about="RS@k with SiMix: every pair of a class adds a virtual item",
    batch=replace(RECALL.batch, simix=True),
    published=None,
)

VITB32_RECALL = replace(
    RECALL,
    name="cars-vitb32-recall_at_k",
    network=recall_vit(VIT_B32),
    optimiser=adamw(3e-5, 4e-4),
    schedule=Schedule(50, kind="step", decay_at=(20, 30, 40)),
    published=None,
)

VITB16_RECALL = replace(
    VITB32_RECALL,
    name="cars-vitb16-recall_at_k",
    network=recall_vit(VIT_B16),
    optimiser=adamw(1e-5, 4e-4),
    published=recalls("VPTSP, tables 2 and 3", "2", r1=89.5, r2=94.2, r4=96.6),
)

RECIPES = (SUPRANK, RECALL, SIMIX, VITB32_RECALL, VITB16_RECALL)
