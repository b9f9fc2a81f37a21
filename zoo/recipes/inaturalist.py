"""iNaturalist 2018 as a retrieval set: 5,690 species to train on, others to search.

rankzoo train inat-resnet50-supap --data /data/inat2018 --out runs/inat

recipe                        hardware    published R@1, and where that was read
inat-resnet50-supap           3 GPUs      -
inat-resnet50-happier         -           -
inat_base-resnet50-happier    -           -
inat-resnet50-recall_at_k     32 GB GPU   -
inat-vitb32-recall_at_k       32 GB GPU   -
inat-vitb16-recall_at_k       32 GB GPU   83.9 [2] VPTSP, tables 2 and 3
inat-resnet50-smooth_ap       -           67.2 [2] a later paper's table
"""

from dataclasses import replace

from zoo.recipes.families import (
    CALIBRATION,
    HALF,
    PROXIES,
    RECALL_AT_K,
    SMOOTH_AP,
    STANDARD_CROPS,
    SUP_AP_INAT,
    SUP_HAP,
    SUPRANK_CROPS,
    V100,
    VIT_B16,
    VIT_B32,
    adam,
    adamw,
    recall_resnet50,
    recall_vit,
    recalls,
    resnet50,
)
from zoo.recipes.recipe import Batch, Data, Recipe, Schedule

SUPAP = Recipe(
    name="inat-resnet50-supap",
    about="ROADMAP: SupAP (start 0, offset 1) and calibration",
    network=resnet50(224, 256),
    data=Data("inat"),
    augmentation=SUPRANK_CROPS,
    batch=Batch(384),
    loss=SUP_AP_INAT,
    extra_loss=CALIBRATION,
    optimiser=adam(1e-5, 4e-4, head_lr=2.0),
    schedule=Schedule(90, kind="step", decay_at=(30, 70)),
    engine=HALF,
    hardware="3 GPUs",
)

HAPPIER = Recipe(
    name="inat-resnet50-happier",
    about="HAPPIER over the seven ranks from species to kingdom",
    network=resnet50(224, 256, layer_norm="plain"),
    data=Data("inat", levels=7),
    augmentation=SUPRANK_CROPS,
    batch=Batch(256),
    loss=SUP_HAP,
    extra_loss=PROXIES,
    optimiser=adam(1e-5, 4e-4, head_lr=2.0),
    schedule=Schedule(100, kind="cosine", final_lr=1e-6, frozen_epochs=5),
    engine=HALF,
)

HAPPIER_BASE = replace(
    HAPPIER,
    name="inat_base-resnet50-happier",
    about="HAPPIER over two ranks, species and super-category",
    data=Data("inat_base", levels=2),
)

RECALL = Recipe(
    name="inat-resnet50-recall_at_k",
    about="RS@k on batches of 4000",
    network=recall_resnet50(),
    data=Data("inat"),
    augmentation=STANDARD_CROPS,
    batch=Batch(4000, chunk=200),
    loss=RECALL_AT_K,
    optimiser=adam(1e-4, 4e-4),
    schedule=Schedule(90, kind="step", decay_at=(40, 70)),
    hardware=V100,
)

VITB32_RECALL = replace(
    RECALL,
    name="inat-vitb32-recall_at_k",
    network=recall_vit(VIT_B32),
    optimiser=adamw(5e-5, 4e-4),
    schedule=Schedule(90, kind="step", decay_at=(10, 40, 70)),
)

VITB16_RECALL = replace(
    VITB32_RECALL,
    name="inat-vitb16-recall_at_k",
    network=recall_vit(VIT_B16),
    published=recalls("VPTSP, tables 2 and 3", "2", r1=83.9, r4=92.1, r16=95.9, r32=97.2),
)

SMOOTH = Recipe(
    name="inat-resnet50-smooth_ap",
    about="Smooth-AP on batches of 384",
    network=resnet50(224, 256),
    data=Data("inat"),
    augmentation=STANDARD_CROPS,
    batch=Batch(384),
    loss=SMOOTH_AP,
    optimiser=adam(1e-5, 4e-4),
    schedule=Schedule(90, kind="step", decay_at=(40, 70)),
    published=recalls(
        "Smooth-AP, in a later paper's table", "2", r1=67.2, r4=81.8, r16=90.3, r32=93.1
    ),
)

RECIPES = (SUPAP, HAPPIER, HAPPIER_BASE, RECALL, VITB32_RECALL, VITB16_RECALL, SMOOTH)
