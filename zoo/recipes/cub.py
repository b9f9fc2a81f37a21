"""CUB-200-2011: 100 bird species to train on, 100 others to search.

rankzoo train cub-resnet50-supap --data /data/CUB_200_2011 --out runs/cub

recipe                      hardware    published R@1, and where that was read
cub-resnet50-supap          -           68.5 [2] a later paper's table
cub-deits-supap             -           77.4 [2] a later paper's table
cub-resnet50-suprank        -           -
cub-resnet50-recall_at_k    32 GB GPU   -
cub-vitb32-recall_at_k      32 GB GPU   -
cub-vitb16-recall_at_k      32 GB GPU   -
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
    deit_small,
    recall_resnet50,
    recall_vit,
    recalls,
    resnet50,
    weighted,
)
from zoo.recipes.recipe import Batch, Data, Recipe, Schedule

SUPAP = Recipe(
    name="cub-resnet50-supap",
    about="ROADMAP: SupAP and calibration, max pooling and layer norm",
    network=resnet50(256, 288, pooling="max", layer_norm="plain"),
    data=Data("cub"),
    augmentation=SUPRANK_CROPS,
    batch=Batch(128),
    loss=SUP_AP,
    extra_loss=CALIBRATION,
    optimiser=adam(1e-6, 4e-4),
    schedule=Schedule(200),
    engine=HALF,
    published=recalls("ROADMAP, in a later paper's table", "2", r1=68.5),
)

DEIT_SUPAP = replace(
    SUPAP,
    name="cub-deits-supap",
    about="ROADMAP: SupAP and calibration",
    network=deit_small(),
    optimiser=adamw(1e-6, 5e-4),
    schedule=Schedule(150),
    published=recalls("ROADMAP, in a later paper's table", "2", r1=77.4),
)

SUPRANK = replace(
    SUPAP,
    name="cub-resnet50-suprank",
    about="SupRank: 0.9 SupAP and 0.1 calibration (the epochs are its repository's default)",
    network=resnet50(224, 256, layer_norm="plain"),
    batch=Batch(256),
    loss=weighted(SUP_AP, 0.9),
    extra_loss=weighted(CALIBRATION, 0.1),
    optimiser=adam(1e-6, 4e-4, head_lr=2.0),
    schedule=Schedule(100, kind="cosine"),
    published=None,
)

RECALL = Recipe(
    name="cub-resnet50-recall_at_k",
    about="RS@k, every class in every batch",
    network=recall_resnet50(),
    data=Data("cub"),
    augmentation=STANDARD_CROPS,
    batch=Batch(400, chunk=100),
    loss=RECALL_AT_K,
    optimiser=adam(1e-4, 4e-4),
    schedule=Schedule(40, kind="step", decay_at=(10, 20, 30)),
    hardware="1 GPU of 32 GB (a V100), in chunks of 100",
)

VITB32_RECALL = replace(
    RECALL,
    name="cub-vitb32-recall_at_k",
    network=recall_vit(VIT_B32),
    optimiser=adamw(3e-5, 4e-4),
)

VITB16_RECALL = replace(
    VITB32_RECALL,
    name="cub-vitb16-recall_at_k",
    network=recall_vit(VIT_B16),
    optimiser=adamw(1e-5, 4e-4),
)

RECIPES = (SUPAP, DEIT_SUPAP, SUPRANK, RECALL, VITB32_RECALL, VITB16_RECALL)
