"""The training loop, to be read from top to bottom."""

from functools import partial
from pathlib import Path
from typing import Unpack, cast

import torch
from torch import nn

from zoo.data.dataset import ImageDataset, hold_out
from zoo.data.validation import write_skipped
from zoo.device import keep_freed_memory
from zoo.embedding.options import EmbedOptions
from zoo.errors import UsageError
from zoo.metrics.evaluation import Evaluation
from zoo.models.kinds import AnyEmbedder, save_model
from zoo.models.text_encoder import TextEncoder
from zoo.recipes.recipe import Recipe
from zoo.runs.folder import RunResult
from zoo.runs.lifecycle import Processes, Run, Span, due
from zoo.runs.options import RunKeywords, RunOptions
from zoo.training.captions import CaptionObjective, ReadsText, embed_captions
from zoo.training.distributed import World, join_world
from zoo.training.loader import Loader, training_labels, training_part
from zoo.training.objective import Objective, class_tree
from zoo.training.towers import Captioned, TowersObjective, TowersTrainer
from zoo.training.trainer import Trainer
from zoo.training.validator import TextSide, Validator


def train(
    recipe: Recipe,
    dataset: ImageDataset,
    model: AnyEmbedder,
    out: Path,
    encoder: TextEncoder | None = None,
    **options: Unpack[RunKeywords],
) -> RunResult:
    """Train `model` on the dataset's training split into the run folder `out`.

    A dataset without splits has a fifth of its classes held out for evaluation. A recipe with
    captions needs its frozen text `encoder`, or a model that reads text. options: `RunOptions`.

    Raises:
        UsageError: the folder is taken, or the recipe does not fit the data or the processes.
        DataError: the data cannot fill a batch, or an image cannot be read.
        InterruptedRunError: a signal arrived; the state was saved.
    """
    dataset = dataset if dataset.splits else hold_out(dataset)
    how = RunOptions(**options)
    device = torch.device(how.device)
    world = join_world(device)
    processes = Processes(world.leads, lambda stop: world.any(stop, device))
    with Run(out, recipe, how, processes) as run:
        write_left_out(dataset, world, out)
        training_set = training_part(recipe, dataset)
        loader = Loader(recipe, training_set, model.config.preprocessing, world, how)
        keep_freed_memory()
        objective = build_objective(recipe, training_set, world, model.dim, encoder)
        trainer = build_trainer(model, loader, objective, device)
        embed = EmbedOptions(64, how.workers, how.device, how.track)
        validator = Validator(dataset, out, embed, text_side(recipe, encoder))
        before, why = measure_start(trainer, validator) if how.compare else ({}, "")
        done = trainer.restore(out) if how.resume else 0
        make_updates(run, trainer, validator, done)
        found = keep_and_measure(trainer, validator, out)
        measured = {**found.as_json(), "before": before} if found else {}
        speed = (loader.steps - done) * recipe.batch.size / max(run.seconds, 1e-9)
        run.finish({**measured, "data": dataset.name, "images_per_second": speed})
        world.wait()
    metrics = dict(found.metrics) if found else {}
    return RunResult(out, metrics, run.seconds, found, before, measured_on(found, why))


def write_left_out(dataset: ImageDataset, world: World, out: Path) -> None:
    """Write down, in the process that leads, which images are left out; all wait for it."""
    if world.leads:
        write_skipped(out / "skipped.json", dataset.skipped)
    world.wait()


def build_trainer(
    model: AnyEmbedder, loader: Loader, objective: nn.Module, device: torch.device
) -> Trainer:
    """Return who moves the model, with its optimisers: of one tower, or of two."""
    kind = TowersTrainer if isinstance(objective, TowersObjective) else Trainer
    return kind(model, loader, objective, device)


def measure_start(trainer: Trainer, validator: Validator) -> tuple[dict[str, float], str]:
    """Return, in the process that leads, the metrics of the untrained start, or why not."""
    before, why = dict[str, float](), ""
    if trainer.world.leads:
        trained = trainer.loader.steps * trainer.recipe.batch.size
        before, why = validator.start(trainer.judged, trained)
    trainer.world.wait()
    return before, why


def make_updates(run: Run, trainer: Trainer, validator: Validator, done: int) -> None:
    """Make the updates after the first `done`, recorded, evaluated and saved when it is due."""
    loader, engine = trainer.loader, trainer.recipe.engine
    span = Span(done, loader.steps, engine.checkpoint_every)
    for step, batch in run.steps(loader.batches(done), span, partial(trainer.save, run.out)):
        run.record(trainer.update(step, batch))
        if trainer.world.leads and step < loader.steps and due(step, engine.evaluate_every):
            run.record(validator.periodic(trainer.judged, step))
            trainer.awake = False


def keep_and_measure(trainer: Trainer, validator: Validator, out: Path) -> Evaluation | None:
    """Write the model into the run folder, and evaluate it, in the process that leads."""
    if not trainer.world.leads:
        return None
    kept = trainer.judged
    save_model(kept, out)
    return validator.final(kept)


def measured_on(found: Evaluation | None, why: str) -> str:
    """Say what the metrics before and after training stand on, and what is missing of them."""
    if found is None:
        return why
    data = f"{found.counted} among {found.gallery:,} held-out images"
    return f"{data} ({why})" if why else data


def text_side(recipe: Recipe, encoder: TextEncoder | None) -> TextSide | None:
    """Return who embeds the captions of a run's evaluations; None where labels count."""
    if recipe.captions is None:
        return None
    return lambda model: cast(ReadsText, encoder or model)


def build_objective(
    recipe: Recipe, dataset: ImageDataset, world: World, dim: int, encoder: TextEncoder | None
) -> nn.Module:
    """Return what a batch is trained on: the losses over labels, or over captions."""
    if recipe.captions is None:
        tree = class_tree(training_labels(recipe, dataset))
        return Objective(recipe, world, tree, dim, len(dataset))
    if recipe.captions.both:
        return TowersObjective(recipe, world, Captioned(dataset))
    if encoder is None:
        raise UsageError(f"recipe {recipe.name} trains against captions: it needs a text encoder")
    return CaptionObjective(recipe, world, embed_captions(encoder, dataset), dim)
