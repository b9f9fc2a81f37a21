"""Google Landmarks v2, with its hierarchy (H-GLDv2) and as the plain benchmark.

rankzoo train gldv2_hier-resnet101-happier --data /data/gldv2 --out runs/landmarks

recipe                          hardware   published
gldv2_hier-resnet101-happier    -          -
gldv2-resnet101-supap           -          -

The authors start the 2048-dimensional projection from a whitening file of another project, which
is not published with their code; here it starts at random. The epochs are their default.
"""

from zoo.recipes.families import (
    CALIBRATION,
    HALF,
    PROXIES,
    RESNET101,
    SUP_AP,
    SUP_HAP,
    SUPRANK_CROPS,
    adam,
    weighted,
)
from zoo.recipes.recipe import Batch, Data, Network, Recipe, Schedule

HIERARCHICAL = Recipe(
    name="gldv2_hier-resnet101-happier",
    about="HAPPIER over landmark, super-category and natural or human-made",
    network=Network(RESNET101, pooling="gem", dim=2048, size=224, resize=256),
    data=Data("gldv2_hier", levels=3),
    augmentation=SUPRANK_CROPS,
    batch=Batch(256, sampler="every_image", groups_per_class=8),
    loss=SUP_HAP,
    extra_loss=PROXIES,
    optimiser=adam(1e-4, 1e-4),
    schedule=Schedule(100, kind="cosine"),
    engine=HALF,
)

PLAIN = Recipe(
    name="gldv2-resnet101-supap",
    about="SupRank: 0.9 SupAP and 0.1 calibration at 1024 pixels, 1000 steps an epoch",
    network=Network(RESNET101, pooling="gem", dim=2048, size=1024, resize=1024),
    data=Data("gldv2"),
    augmentation=SUPRANK_CROPS,
    batch=Batch(256, chunk=32),
    loss=weighted(SUP_AP, 0.9),
    extra_loss=weighted(CALIBRATION, 0.1),
    optimiser=adam(1e-4, 1e-4),
    schedule=Schedule(steps=100_000, kind="cosine", final_lr=3e-6),
    engine=HALF,
)

RECIPES = (HIERARCHICAL, PLAIN)
