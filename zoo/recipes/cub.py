"""CUB-200-2011: 100 bird species to train on, 100 others to search.

rankzoo train cub-resnet50-supap --data /data/CUB_200_2011 --out runs/cub

recipe                            hardware     published R@1, and where that was read
cub-resnet50-supap                -            68.5 [2] ROADMAP, in a later paper's table
cub-deits-supap                   -            77.4 [2] ROADMAP, in a later paper's table
cub-resnet50-supap-xbm            -            -
cub-resnet50-recall_at_k          32 GB GPU    -
cub-resnet50-recall_at_k-simix    32 GB GPU    -
cub-vitb32-recall_at_k            32 GB GPU    -
cub-vitb32-recall_at_k-simix      32 GB GPU    -
cub-vitb16-recall_at_k            32 GB GPU    -
cub-vitb16-recall_at_k-simix      32 GB GPU    -
"""

from dataclasses import replace

from zoo.recipes.families import (
    CALIBRATION,
    HALF,
    ROADMAP_DEVIATES,
    SUP_AP,
    SUPRANK_CROPS,
    VIT_B16,
    VIT_B32,
    adam,
    adamw,
    deit_small,
    on_vit,
    recall_at_k,
    recalls,
    resnet50,
    steps,
    with_memory,
    with_simix,
)
from zoo.recipes.recipe import Batch, Data, Recipe, Schedule

SUPAP = Recipe(
    name="cub-resnet50-supap",
    about="ROADMAP: SupAP and calibration, max pooling and layer norm",
    network=resnet50(256, 288, pooling="max", layer_norm="plain"),
    data=Data("cub"),
    augmentation=SUPRANK_CROPS,
    batch=Batch(128, sampler="every_image"),
    loss=SUP_AP,
    extra_loss=CALIBRATION,
    optimiser=adam(1e-6, 4e-4),
    schedule=Schedule(200),
    engine=HALF,
    published=recalls("ROADMAP, in a later paper's table", "2", r1=68.5),
    deviates=ROADMAP_DEVIATES,
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

XBM = with_memory(SUPAP, "cub-resnet50-supap-xbm", 5824)

RECALL = recall_at_k("cub", 400, 100, adam(1e-4, 4e-4), steps(40, 10, 20, 30))
VITB32_RECALL = on_vit(RECALL, VIT_B32, adamw(3e-5, 4e-4))
VITB16_RECALL = on_vit(RECALL, VIT_B16, adamw(1e-5, 4e-4))

RECIPES = (SUPAP, DEIT_SUPAP, XBM, *with_simix((RECALL, VITB32_RECALL, VITB16_RECALL)))
