"""VehicleID: 13,134 vehicles to train on, three lists of others to search.

rankzoo train vehicleid-resnet50-recall_at_k --data /data/VehicleID_V1.0 --out runs/vehicleid

recipe                            hardware    published R@1, and where that was read
vehicleid-resnet50-recall_at_k    32 GB GPU   -
vehicleid-vitb32-recall_at_k      32 GB GPU   -
vehicleid-vitb16-recall_at_k      32 GB GPU   -

`--set data.reader=vehicleid_medium` (or `_large`) evaluates on the other lists.
"""

from dataclasses import replace

from zoo.recipes.families import (
    RECALL_AT_K,
    STANDARD_CROPS,
    V100,
    VIT_B16,
    VIT_B32,
    adam,
    adamw,
    recall_resnet50,
    recall_vit,
)
from zoo.recipes.recipe import Batch, Data, Recipe, Schedule

RECALL = Recipe(
    name="vehicleid-resnet50-recall_at_k",
    about="RS@k on batches of 4000",
    network=recall_resnet50(),
    data=Data("vehicleid"),
    augmentation=STANDARD_CROPS,
    batch=Batch(4000, chunk=200),
    loss=RECALL_AT_K,
    optimiser=adam(1e-4, 4e-4),
    schedule=Schedule(90, kind="step", decay_at=(40, 70)),
    hardware=V100,
)

VITB32_RECALL = replace(
    RECALL,
    name="vehicleid-vitb32-recall_at_k",
    network=recall_vit(VIT_B32),
    optimiser=adamw(1e-4, 4e-4),
)

VITB16_RECALL = replace(
    VITB32_RECALL,
    name="vehicleid-vitb16-recall_at_k",
    network=recall_vit(VIT_B16),
    optimiser=adamw(5e-5, 4e-4),
)

RECIPES = (RECALL, VITB32_RECALL, VITB16_RECALL)
