"""Images and captions: COCO as DSVE-Loc and SoDeep train it, and emoji with their names.

rankzoo train coco-resnet152-sodeep --data /data/coco --out runs/coco
rankzoo train emoji-captions --data emoji/ --out runs/emoji-captions

recipe                   hardware       published
coco-resnet152-triplet   -              -
coco-resnet152-sodeep    -              -
emoji-captions           2 CPU cores    -

DSVE-Loc pools with WELDON and trains an SRU text encoder; here the image network learns the
space of a frozen sentence encoder, so its published numbers are not claimed. Batch sizes, rates,
margin, frozen epochs and image size are theirs.
"""

from dataclasses import replace

from zoo.recipes.families import STANDARD_CROPS
from zoo.recipes.recipe import (
    Augmentation,
    Batch,
    Captions,
    Data,
    LossTerm,
    Network,
    Optimiser,
    Recipe,
    Schedule,
)

TRIPLET = Recipe(
    name="coco-resnet152-triplet",
    about="hard-negative triplets between images and captions",
    network=Network("timm/resnet152.tv_in1k", pooling="avg", dim=384, size=256, resize=350),
    data=Data("captions"),
    captions=Captions(),
    augmentation=STANDARD_CROPS,
    batch=Batch(160, sampler="shuffled"),
    loss=LossTerm("hard_triplet", {"margin": 0.2}),
    optimiser=Optimiser("adam", lr=1e-3),
    schedule=Schedule(60, kind="step", decay_at=(2, 3, 4, 5, 6), decay=0.5, frozen_epochs=8),
)

SODEEP = replace(
    TRIPLET,
    name="coco-resnet152-sodeep",
    about="SoDeep's hard recall loss between images and captions",
    batch=Batch(100, sampler="shuffled"),
    loss=LossTerm("sodeep_recall", {"form": "hard", "margin": 0.2}),
)

EMOJI = Recipe(
    name="emoji-captions",
    about="find an emoji never seen in training by its name",
    network=Network("efficientnet_lite0", dim=384, size=64),
    data=Data("emoji"),
    captions=Captions(),
    augmentation=Augmentation(scale=(0.5, 1.0), colour=0.2, grey=0.1),
    batch=Batch(128, sampler="shuffled"),
    loss=LossTerm("info_nce"),
    optimiser=Optimiser("adamw", lr=3e-4, head_lr=3.0, weight_decay=1e-2),
    schedule=Schedule(steps=400, kind="cosine"),
    hardware="2 CPU cores",
)

RECIPES = (TRIPLET, SODEEP, EMOJI)
