"""What is known to be impossible before any weights are looked for."""

from pathlib import Path

import torch

from zoo.cards.model_files import read_config
from zoo.cards.shelf import all_cards
from zoo.data.dataset import ImageDataset
from zoo.data.word_vectors import require_vectors
from zoo.errors import UsageError
from zoo.hub.resolve import look_up
from zoo.models.word_encoder import WordEncoderConfig
from zoo.recipes import RECIPES
from zoo.recipes.recipe import SRU, Captions, Recipe
from zoo.tasks import TASKS, Task, task_of_config, task_of_recipe
from zoo.training.loader import build_sampler, training_labels
from zoo.training.objective import build_loss, class_tree

STARTS = (
    "embedder",
    "scorer",
    "image and text encoder",
)  # they have an image network whose weights others can start from
TRIED = 512  # items of a batch at most on which the losses are tried
WIDTH = 8  # dimensions of the random embeddings they are tried on


def check_start(name: str) -> None:
    """Raise unless a model of this name can be a backbone; nothing is downloaded.

    Raises:
        UsageError: it is a recipe or a model of another task.
        UnavailableError: there is no such model, or it has no weights.
    """
    folder = Path(name).expanduser()
    if folder.is_dir():
        _require_images(name, task_of_config(read_config(folder)))
        return
    if (recipe := RECIPES.get(name)) is not None:
        task = task_of_recipe(type(recipe))
        if task.name != "embedder":
            raise UsageError(
                f"{name} is the recipe of a {task.name}, not a backbone",
                f"train it by its name: rankzoo train {name}",
            )
    look_up(name)
    card = all_cards().get(name)
    for task in TASKS.values():
        if card is not None and task.pipeline_tag == card.task:
            _require_images(name, task)
            return


def check_towers(recipe: Recipe) -> None:
    """Raise if it is known that a recipe's text tower cannot be.

    Raises:
        UsageError: its backbone does not read text; word vectors are not named, or for no encoder
            that reads them; a tower rests that is not trained apart.
        DataError: the word vectors are not there.
    """
    name, able = recipe.network.backbone, TASKS["image and text encoder"]
    if recipe.captions is None:
        return
    _check_words(recipe.captions)
    if recipe.captions.encoder != "backbone":
        return
    folder, card = Path(name).expanduser(), all_cards().get(name)
    reads = card is None or card.task == able.pipeline_tag
    if folder.is_dir():
        reads = task_of_config(read_config(folder)) is able
    if not reads:
        hint = "--set captions.encoder=all-minilm-l6-v2, or --model a CLIP or SigLIP"
        raise UsageError(f"{name} reads no text", hint)


def _check_words(captions: Captions) -> None:
    if captions.encoder == SRU:
        if not captions.vectors:
            hint = "--set captions.vectors=glove.6B.300d.txt, or another file of word vectors"
            raise UsageError(f"captions.encoder={SRU} reads vectors of words", hint)
        require_vectors(Path(captions.vectors).expanduser(), captions.most_words)
        WordEncoderConfig(1, captions.layers, captions.dropout)
    elif captions.vectors or captions.most_words is not None:
        hint = f"--set captions.encoder={SRU}, or leave them out"
        raise UsageError(f"captions.encoder={captions.encoder} reads no word vectors", hint)
    if captions.frozen_epochs and (captions.encoder == "backbone" or not captions.both):
        problem = f"the tower of captions.encoder={captions.encoder} is not trained apart"
        raise UsageError(f"captions.frozen_epochs: {problem}", "leave it out")


def check_batches(recipe: Recipe, training: ImageDataset, seed: int) -> None:
    """Raise unless every batch holds what the losses need; they are tried on the first one.

    Raises:
        UsageError, DataError: the batch cannot be filled, holds one class only or no two images
            of a class, or is too small for a loss.
    """
    sampler = build_sampler(recipe.batch, training.label_ids, seed)
    if recipe.captions is not None or recipe.batch.size > TRIED:
        return
    labels = training_labels(recipe, training)
    tree, batch = class_tree(labels), labels[next(sampler.batches(0))]
    generator = torch.Generator().manual_seed(seed)
    points = torch.randn(len(batch), WIDTH, generator=generator)
    for term in (recipe.loss, recipe.extra_loss):
        if term is not None:
            with torch.no_grad():
                loss = build_loss(term, tree, WIDTH)
                flat = batch[:, 0] if batch.shape[1] == 1 else batch
                loss(torch.nn.functional.normalize(points), flat)


def _require_images(name: str, task: Task) -> None:
    if task.name not in STARTS:
        raise UsageError(
            f"{name} is a {task.name}: it has no image network to start from",
            "give --model an image model, for example efficientnet_lite0",
        )
