"""The recipe of a person's own images: chosen by a model instead of by name."""

import logging
from dataclasses import replace
from math import ceil

from zoo.errors import UsageError
from zoo.recipes.recipe import (
    Augmentation,
    Batch,
    Captions,
    Data,
    Engine,
    LossTerm,
    Network,
    Optimiser,
    Recipe,
    Schedule,
)

logger = logging.getLogger("rankzoo")
OWN = "own"
OWN_PAIRS = "own-pairs"
DEEPEST = 8  # label levels; iNaturalist's taxonomy has 7


# ROADMAP with equal shares. Of the set-ups that see one label level none is clearly ahead of it by
# Recall@1 or mAP@R in `rankzoo compare` on emoji (zoo/experiments/README.md).
ROADMAP = LossTerm("sup_ap", weight=0.5), LossTerm("calibration", weight=0.5)


def own_recipe(model: str, loss: str | None = None) -> Recipe:
    """Return a recipe that suits most pretrained backbones: 20 epochs, AdamW, cosine.

    Without a loss it trains with ROADMAP (Ramzi et al., NeurIPS 2021): SupAP and calibration.
    """
    from zoo.losses.pairs import PAIR_LOSSES  # imports torch

    if loss in PAIR_LOSSES:
        return own_pairs(model, loss)
    chosen, extra = (LossTerm(loss), None) if loss else ROADMAP
    return Recipe(
        name=OWN,
        about=f"{loss or 'ROADMAP'} on {model}",
        network=Network(model),
        data=Data(levels=DEEPEST),
        augmentation=Augmentation(scale=(0.3, 1.0), colour=0.2),
        loss=chosen,
        extra_loss=extra,
        batch=Batch(size=128, per_class=4, chunk=64),
        optimiser=Optimiser("adamw", lr=5e-5, head_lr=2.0, weight_decay=1e-2, clip_norm=1.0),
        schedule=Schedule(epochs=20, kind="cosine"),
        engine=Engine(checkpoint_every=100),
    )


def own_pairs(model: str, loss: str) -> Recipe:
    """Return a recipe for images with captions on a CLIP or SigLIP, both towers trained.

    10 epochs at a small rate, since both towers are pretrained (rate: ours). The batch goes
    through both towers in chunks of 64, so its size is not bound by memory.
    """
    return Recipe(
        name=OWN_PAIRS,
        about=f"{loss} on {model}, images and captions",
        network=Network(model),
        captions=Captions(encoder="backbone"),
        augmentation=Augmentation(scale=(0.5, 1.0)),
        loss=LossTerm(loss),
        batch=Batch(size=256, sampler="shuffled", chunk=64),
        optimiser=Optimiser("adamw", lr=1e-5, weight_decay=0.1, clip_norm=1.0),
        schedule=Schedule(epochs=10, kind="cosine"),
        engine=Engine(checkpoint_every=100),
    )


SMALLEST = 32  # a ranking shorter than this teaches little; RS@k looks at its first 16


def fitted(recipe: Recipe, classes: int) -> Recipe:
    """Return the recipe with a batch that `classes` can fill: few classes give more items each.

    A batch never grows, and holds two classes of two images or more. What it became is said.

    Raises:
        UsageError: the batch is too small for that.
    """
    asked = recipe.batch
    if asked.size < 4:
        raise UsageError(
            f"a batch of {asked.size} cannot hold two classes of two images", "--batch-size 4"
        )
    per_class = max(asked.per_class, ceil(SMALLEST / classes))
    per_class = max(2, min(per_class, asked.size // 2))
    drawn = min(asked.size // per_class, classes)
    batch = replace(asked, size=drawn * per_class, per_class=per_class)
    if batch != asked:
        logger.info(
            f"a batch is {batch.size} images, {drawn} classes of {per_class}: {asked.size} were "
            f"asked for, and {classes} classes with two images or more are there"
        )
    return replace(recipe, batch=batch)
