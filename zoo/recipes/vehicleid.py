"""VehicleID: 13,134 vehicles to train on, three lists of others to search.

rankzoo train vehicleid-resnet50-recall_at_k --data /data/VehicleID_V1.0 --out runs/vehicleid

recipe                                  hardware     published R@1, and where that was read
vehicleid-resnet50-recall_at_k          32 GB GPU    -
vehicleid-resnet50-recall_at_k-simix    32 GB GPU    -
vehicleid-vitb32-recall_at_k            32 GB GPU    -
vehicleid-vitb32-recall_at_k-simix      32 GB GPU    -
vehicleid-vitb16-recall_at_k            32 GB GPU    -
vehicleid-vitb16-recall_at_k-simix      32 GB GPU    -
vehicleid-resnet50-smooth_ap            -            94.9 [2] Smooth-AP, in a later paper's table

`--set data.reader=vehicleid_medium` (or `_large`) evaluates on the other lists.
"""

from dataclasses import replace

from zoo.recipes.families import (
    VIT_B16,
    VIT_B32,
    adam,
    adamw,
    on_vit,
    recall_at_k,
    recalls,
    smooth_ap,
    steps,
    with_simix,
)

RECALL = recall_at_k("vehicleid", 4000, 200, adam(1e-4, 4e-4), steps(90, 40, 70))
VITB32_RECALL = on_vit(RECALL, VIT_B32, adamw(1e-4, 4e-4))
VITB16_RECALL = on_vit(RECALL, VIT_B16, adamw(5e-5, 4e-4), chunk=100)

SMOOTH = replace(
    smooth_ap("vehicleid", steps(400, 200, 300)),
    published=recalls("Smooth-AP, in a later paper's table (small list)", "2", r1=94.9),
)

RECIPES = (*with_simix((RECALL, VITB32_RECALL, VITB16_RECALL)), SMOOTH)
