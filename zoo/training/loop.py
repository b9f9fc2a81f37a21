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
        # Data
        if world.leads:
            write_skipped(out / "skipped.json", dataset.skipped)
        world.wait()
        training_set = training_part(recipe, dataset)
        loader = Loader(recipe, training_set, model.config.preprocessing, world, how)

        # Model, losses, optimisers, and where they were
        keep_freed_memory()
        objective = build_objective(recipe, training_set, world, model.dim, encoder)
        kind = TowersTrainer if isinstance(objective, TowersObjective) else Trainer
        trainer = kind(model, loader, objective, device)
        embed = EmbedOptions(64, how.workers, how.device, how.track)
        validator = Validator(dataset, out, embed, text_side(recipe, encoder))
        before, why = dict[str, float](), ""
        if how.compare and world.leads:
            before, why = validator.start(trainer.judged, loader.steps * recipe.batch.size)
        world.wait()
        done = trainer.restore(out) if how.resume else 0

        # Steps
        span = Span(done, loader.steps, recipe.engine.checkpoint_every)
        for step, batch in run.steps(loader.batches(done), span, partial(trainer.save, out)):
            run.record(trainer.update(step, batch))
            if world.leads and step < loader.steps and due(step, recipe.engine.evaluate_every):
                run.record(validator.periodic(trainer.judged, step))
                trainer.awake = False

        # Weights, results, curves
        found = None
        if world.leads:
            kept = trainer.judged
            save_model(kept, out)
            found = validator.final(kept)
            speed = (loader.steps - done) * recipe.batch.size / max(run.seconds, 1e-9)
            measured = {**found.as_json(), "before": before} if found else {}
            run.finish({**measured, "data": dataset.name, "images_per_second": speed})
        world.wait()
    metrics = dict(found.metrics) if found else {}
    return RunResult(out, metrics, run.seconds, found, before, measured_on(found, why))


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
