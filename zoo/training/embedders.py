"""Embedders, with labels or captions, from a recipe and what the command line told."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch

from zoo.data.dataset import ImageDataset, hold_out
from zoo.data.levels import say_crossings
from zoo.errors import DataError, UsageError
from zoo.progress import Track, silent
from zoo.recipes.own_images import OWN, OWN_PAIRS, fitted
from zoo.recipes.recipe import Recipe
from zoo.runs.folder import RunResult
from zoo.runs.options import TrainOptions
from zoo.runs.record import Listener
from zoo.training import loop
from zoo.training.captions import check_captions
from zoo.training.checks import check_batches, check_start, check_towers
from zoo.training.distributed import join_world, leave_world
from zoo.training.epochs import Epochs
from zoo.training.layers import check_layers
from zoo.training.loader import build_sampler, training_part
from zoo.training.setup import build_network, load_encoder, read_data

logger = logging.getLogger("rankzoo")


def plan(recipe: Recipe, options: TrainOptions) -> dict[str, Any]:
    """Say what a run would do, after reading the data and before finding any weights."""
    recipe, dataset = prepare(recipe, options)
    training = training_part(recipe, dataset)
    sampler = build_sampler(recipe.batch, training.label_ids, options.seed)
    return {
        "run": str(options.out),
        "recipe": recipe.name,
        "backbone": recipe.network.backbone,
        "training_images": len(dataset.split("train")),
        "training_classes": len(torch.unique(training.label_ids[:, :1])),
        "evaluation_images": len(dataset) - len(dataset.split("train")),
        "batch": recipe.batch.size,
        "images_at_once": recipe.batch.chunk or recipe.batch.size,
        "steps_per_epoch": sampler.length(0),
        "steps": Epochs(sampler, recipe.schedule).steps,
    }


def train(
    recipe: Recipe,
    options: TrainOptions,
    track: Track = silent,
    listeners: Sequence[Listener] = (),
) -> RunResult | None:
    """Train; return the result, or nothing in a process that does not lead."""
    how = options.carried_out(track, listeners)
    recipe, dataset = prepare(recipe, options)
    world = join_world(torch.device(how["device"]))
    try:
        offline, device = options.offline, how["device"]
        network = build_network(recipe, offline=offline, seed=options.seed, track=track)
        encoder = load_encoder(recipe, offline=offline, device=device, track=track)
        how["track"] = track if world.leads else silent
        result = loop.train(recipe, dataset, network, options.out, encoder, **how)
    finally:
        leave_world()
    return result if world.leads else None


def prepare(recipe: Recipe, options: TrainOptions) -> tuple[Recipe, ImageDataset]:
    """Read the data, hold classes out when it names no splits, fit one's own recipe to it.

    Raises:
        UsageError: no data, a batch that holds too little for the losses, or no such backbone or
            one whose layers cannot do what the recipe asks of them.
        DataError: the data cannot be read, or cannot fill a batch.
        UnavailableError: no model is called like the backbone.
    """
    if options.data is None:
        raise UsageError("no data", f"give --data, for example --data {recipe.data.reader}/")
    check_layers(recipe)
    found = read_data(recipe, options.data, options.on_bad_image)
    dataset = found if found.splits else hold_out(found)
    training = training_part(recipe, dataset)
    say_crossings(training, recipe.data.levels)
    recipe = _fitted(recipe, training)
    check_batches(recipe, training, options.seed)
    if recipe.captions is not None:
        check_captions(training)
    check_start(recipe.network.backbone)
    check_towers(recipe)
    return recipe, dataset


def _fitted(recipe: Recipe, training: ImageDataset) -> Recipe:
    """Shrink the batch of a person's own recipe to the classes, or the pairs, there are."""
    if recipe.name == OWN_PAIRS:
        size = min(recipe.batch.size, len(training))
        if size < recipe.batch.size:
            logger.info(f"a batch is {size} pairs: {recipe.batch.size} were asked for")
        return replace(recipe, batch=replace(recipe.batch, size=size))
    if recipe.name != OWN:
        return recipe
    counts = training.label_ids[:, 0].bincount()
    classes = int((counts >= 2).sum())
    if classes < 2:
        raise DataError(
            f"{training.place}: training needs two classes of two images or more, found {classes}",
            "a fifth of the classes is held out when the data names no split; add classes",
        )
    return fitted(recipe, classes)
