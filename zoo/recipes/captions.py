"""Images and captions: COCO as DSVE-Loc and SoDeep train it, and emoji with their names.

rankzoo train coco-resnet152-sodeep --data /data/coco --out runs/coco
rankzoo train emoji-captions --data emoji/ --out runs/emoji-captions
rankzoo train emoji-words --data emoji/ --set captions.vectors=words.npy --out runs/emoji-words

recipe                   hardware       published
coco-resnet152-triplet   -              -
coco-resnet152-sodeep    -              -
emoji-captions           2 CPU cores    -
emoji-towers             2 CPU cores    -
emoji-words              2 CPU cores    -

DSVE-Loc's towers: ResNet-152 with WELDON pooling, and simple recurrent units over word vectors,
which you bring (`--set captions.vectors=glove.6B.300d.txt`; the paper's are skip-thoughts'
`utable.npy` with `dictionary.txt`). Both start from what can be had, the image tower from
ImageNet's classes, so the published numbers are not claimed.
"""

from dataclasses import replace

from zoo.recipes import emoji
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

ANOTHER_START = {
    "weights": "ImageNet classes; theirs learned them with the 2400 maps, which rest 9 epochs too",
    "words": "all sentences, small letters where the spelling is unknown; theirs reads the first",
    "sampler": "an incomplete last batch of an epoch is left out; theirs is used",
    "selection": "the last weights are kept; theirs are the best on validation",
}

TRIPLET = Recipe(
    name="coco-resnet152-triplet",
    about="hard-negative triplets between images and captions",
    network=Network(
        "timm/resnet152.tv_in1k",
        pooling="weldon",
        maps=2400,
        dropout=0.5,
        dim=2400,
        size=400,
        resize=400,
        crop_mode="squash",
        interpolation="bilinear",
        colours="imagenet",
        batch_norm="train",
        frozen=("conv1", "bn1", "layer1", "layer2"),
    ),
    data=Data("captions"),
    captions=Captions("sru", frozen_epochs=2),
    augmentation=replace(STANDARD_CROPS, size=256),
    batch=Batch(160, sampler="pairs"),
    loss=LossTerm("hard_triplet", {"margin": 0.2, "reduce": "sum"}),
    optimiser=Optimiser("adam", lr=1e-3),
    schedule=Schedule(60, kind="step", decay_at=(3, 4, 5, 6, 7), decay=0.5, frozen_epochs=9),
    deviates=ANOTHER_START,
)

SODEEP = replace(
    TRIPLET,
    name="coco-resnet152-sodeep",
    about="SoDeep's hard recall loss between images and captions",
    network=replace(TRIPLET.network, size=525, resize=525),
    augmentation=replace(STANDARD_CROPS, size=350),
    batch=Batch(100, sampler="pairs"),
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

# Both towers in 7 MB: the images' is that of `emoji-recall_at_k`, the words' reads a file that its
# card makes. Their width is that of the images' last feature level.
EMOJI_WORDS = replace(
    EMOJI,
    name="emoji-words",
    about="find an emoji never seen in training by its name, both towers small",
    network=replace(emoji.RECALL_AT_K.network, size=64),
    captions=Captions("sru", layers=1),
    optimiser=Optimiser("adamw", lr=6e-4, head_lr=3.0, weight_decay=1e-2),
    engine=emoji.RECALL_AT_K.engine,
)

RECIPES = (TRIPLET, SODEEP, EMOJI, EMOJI_TOWERS, EMOJI_WORDS)
