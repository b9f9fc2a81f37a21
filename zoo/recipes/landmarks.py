"""Google Landmarks v2, with its hierarchy (H-GLDv2) and as the plain benchmark.

rankzoo train gldv2_hier-resnet101-happier --data /data/gldv2 --out runs/gldv2_hier

recipe                          hardware    published R@1, and where that was read
gldv2_hier-resnet101-happier    -           -
gldv2_hier-resnet101-csl        -           -
gldv2-resnet101-supap           -           -
gldv2-resnet101-nsm             -           -
gldv2-resnet101-arcface         -           -

The authors start the 2048-dimensional projection from a file that is not released: by its name, PCA
whitening of the network's own features on these images. Here it starts at random.
"""

from dataclasses import replace
from typing import Any

from zoo.recipes.families import (
    HALF,
    HALF_LOSS,
    PROXIES,
    RESNET101,
    SUP_AP,
    SUP_HAP,
    SUPRANK_CROPS,
    adam,
    cosine,
    driven,
    network,
    weighted,
)
from zoo.recipes.recipe import Augmentation, Batch, Data, LossTerm, Recipe

HEAD: dict[str, Any] = {"pooling": "gem", "layer_norm": "l2", "dim": 2048, "crop_mode": "squash"}
DEVIATES = {
    **HALF_LOSS,
    "projection": "starts at random: the authors' whitening file is not released",
}

HIERARCHICAL = Recipe(
    name="gldv2_hier-resnet101-happier",
    about="HAPPIER over landmark, super-category and natural or human-made",
    network=network(RESNET101, 224, 224, **HEAD),
    data=Data("gldv2_hier", levels=3),
    augmentation=SUPRANK_CROPS,
    batch=Batch(256, sampler="every_image", groups_per_class=2),
    loss=SUP_HAP,
    extra_loss=driven(PROXIES, adam(1e-4, 1e-4)),
    optimiser=adam(1e-4, 1e-4),
    schedule=cosine(100),
    engine=HALF,
    deviates=DEVIATES,
)

CSL = replace(
    HIERARCHICAL,
    name="gldv2_hier-resnet101-csl",
    about="CSL: one margin per level against class proxies",
    loss=LossTerm("cross_level", {"margins": [0.25, 0.35, 0.45]}, lr=10.0),
    extra_loss=None,
)

PLAIN = Recipe(
    name="gldv2-resnet101-supap",
    about="ROADMAP++: 0.9 SupAP and 0.1 clustering at 1024 pixels, 1000 batches an epoch",
    network=network(RESNET101, 1024, 1024, **HEAD),
    data=Data("gldv2"),
    augmentation=Augmentation(scale=(1.0, 1.0), window=1.0),
    batch=Batch(256, sampler="fresh", batches=1000, chunk=32),
    loss=weighted(SUP_AP, 0.9),
    extra_loss=driven(PROXIES, adam(1e-4, 1e-4), final_lr=3e-6),
    optimiser=adam(1e-4, 1e-4),
    schedule=cosine(100, final_lr=3e-6),
    engine=HALF,
    deviates=DEVIATES,
)

NSM = replace(
    PLAIN,
    name="gldv2-resnet101-nsm",
    about="normalised softmax against class proxies alone",
    loss=driven(weighted(PROXIES, 1.0), adam(1e-4, 1e-4), final_lr=3e-6),
    extra_loss=None,
)

ARCFACE = replace(
    NSM,
    name="gldv2-resnet101-arcface",
    about="ArcFace alone, at a margin of 0.3 radians",
    loss=driven(
        LossTerm("arcface", {"margin": 17.188733853924695, "scale": 30.0}),
        adam(1e-4, 1e-4),
        final_lr=3e-6,
    ),
)

RECIPES = (HIERARCHICAL, CSL, PLAIN, NSM, ARCFACE)
