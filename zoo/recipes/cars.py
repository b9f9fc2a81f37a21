"""Cars196: 98 car models to train on, 98 others to search.

rankzoo train cars-resnet50-recall_at_k --data /data/cars196 --out runs/cars

recipe                             hardware     published R@1, and where that was read
cars-resnet50-recall_at_k          32 GB GPU    80.7 [2] the paper's result, quoted in issue 8 of
cars-resnet50-recall_at_k-simix    32 GB GPU    88.3 [2] a leaderboard mirror
cars-vitb32-recall_at_k            32 GB GPU    -
cars-vitb32-recall_at_k-simix      32 GB GPU    -
cars-vitb16-recall_at_k            32 GB GPU    89.5 [2] VPTSP, tables 2 and 3
cars-vitb16-recall_at_k-simix      32 GB GPU    -
"""

from dataclasses import replace

from zoo.recipes.families import (
    MIRROR,
    VIT_B16,
    VIT_B32,
    VPTSP,
    adam,
    adamw,
    on_vit,
    recall_at_k,
    recalls,
    steps,
    with_simix,
)

RECALL = replace(
    recall_at_k("cars", 392, 98, adam(1e-4, 4e-4), steps(170, 80, 140)),
    published=recalls(
        "the paper's result, quoted in issue 8 of yash0307/RecallatK_surrogate",
        "2",
        r1=80.7,
        r2=88.3,
        r4=92.8,
        r8=95.7,
    ),
)
VITB32_RECALL = on_vit(RECALL, VIT_B32, adamw(3e-5, 4e-4), schedule=steps(50, 20, 30, 40))
VITB16_RECALL = on_vit(
    RECALL,
    VIT_B16,
    adamw(1e-5, 4e-4),
    schedule=steps(50, 20, 30, 40),
    published=recalls(
        f"{VPTSP}, which do not say whether SiMix was on", "2", r1=89.5, r2=94.2, r4=96.6
    ),
)

RECIPES = tuple(
    with_simix((RECALL, VITB32_RECALL, VITB16_RECALL), resnet50=recalls(MIRROR, "2", r1=88.3))
)
