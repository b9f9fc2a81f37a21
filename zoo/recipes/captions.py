"""Images and captions: COCO as DSVE-Loc and SoDeep train it, and emoji with their names.

rankzoo train coco-resnet152-sodeep --data /data/coco --out runs/coco
rankzoo train emoji-captions --data emoji/ --out runs/emoji-captions

recipe                   hardware       published
coco-resnet152-triplet   -              -
coco-resnet152-sodeep    -              -
emoji-captions           2 CPU cores    -
emoji-towers             2 CPU cores    -

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

ANOTHER_TOWER = {
    "text": "a frozen sentence encoder whose space the images learn; theirs is trained with them",
    "dim": "384, the sentence encoder's",
    "weights": "ImageNet classification; theirs were trained on ImageNet with their pooling",
    "pooling": "average; WELDON pools the highest and lowest 15 of 2400 maps",
    "sampler": "images with one caption at random; theirs walks pairs of image and caption",
    "selection": "the last weights are kept; theirs are the best on validation",
    "crop": "a crop that would leave the image is cut; theirs is drawn again, up to ten times",
}

TRIPLET = Recipe(
    name="coco-resnet152-triplet",
    about="hard-negative triplets between images and captions",
    network=Network(
        "timm/resnet152.tv_in1k",
        pooling="avg",
        dim=384,
        size=400,
        resize=400,
        crop_mode="squash",
        interpolation="bilinear",
        colours="imagenet",
        batch_norm="train",
        frozen=("conv1", "bn1", "layer1", "layer2"),
    ),
    data=Data("captions"),
    captions=Captions(),
    augmentation=replace(STANDARD_CROPS, size=256),
    batch=Batch(160, sampler="shuffled"),
    loss=LossTerm("hard_triplet", {"margin": 0.2, "reduce": "sum"}),
    optimiser=Optimiser("adam", lr=1e-3),
    schedule=Schedule(60, kind="step", decay_at=(3, 4, 5, 6, 7), decay=0.5, frozen_epochs=9),
    deviates=ANOTHER_TOWER,
)

SODEEP = replace(
    TRIPLET,
    name="coco-resnet152-sodeep",
    about="SoDeep's hard recall loss between images and captions",
    network=replace(TRIPLET.network, size=525, resize=525),
    augmentation=replace(STANDARD_CROPS, size=350),
    batch=Batch(100, sampler="shuffled"),
    loss=LossTerm("sodeep_recall", {"form": "hard", "margin": 0.2}),
    deviates={
        **TRIPLET.deviates,
        "sorter": "the closed form for any length; theirs is an LSTM trained for 100 scores",
    },
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

EMOJI_TOWERS = replace(
    EMOJI,
    name="emoji-towers",
    about="find an emoji never seen in training by its name, the text encoder trained too",
    captions=Captions(train=True),
)

RECIPES = (TRIPLET, SODEEP, EMOJI, EMOJI_TOWERS)
