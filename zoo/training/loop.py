"""The training loop, to be read from top to bottom."""

import time
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn

from zoo.data.dataset import ImageDataset, hold_out
from zoo.data.validation import write_skipped
from zoo.errors import InterruptedRunError, UsageError
from zoo.files import write_json
from zoo.models import Embedder, save_embedder
from zoo.models.text_encoder import TextEncoder
from zoo.progress import Track, silent
from zoo.recipes.recipe import Recipe
from zoo.runs import folder
from zoo.runs.curves import draw_curves
from zoo.runs.folder import RunResult
from zoo.runs.interrupts import Interrupts
from zoo.runs.record import Listener, Record, read_rows
from zoo.training.allocator import keep_freed_memory
from zoo.training.captions import CaptionObjective, embed_captions
from zoo.training.distributed import World, join_world
from zoo.training.loader import Loader, training_labels
from zoo.training.objective import Objective, class_tree
from zoo.training.trainer import Trainer
from zoo.training.validator import Validator


def train(
    recipe: Recipe,
    dataset: ImageDataset,
    model: Embedder,
    out: Path,
    *,
    device: str = "cpu",
    workers: int = 0,
    seed: int = 0,
    resume: bool = False,
    track: Track = silent,
    listeners: Sequence[Listener] = (),
    encoder: TextEncoder | None = None,
) -> RunResult:
    """Train `model` on the dataset's training split into the run folder `out`.

    A dataset without splits has a fifth of its classes held out for evaluation. With `resume` a
    run found in `out` goes on from its last checkpoint and ends with the same weights, bit for bit
    on the CPU, as if it had never stopped. A recipe with captions needs its text `encoder`.

    Raises:
        UsageError: the folder is taken, or the recipe does not fit the data or the processes.
        DataError: the data cannot fill a batch, or an image cannot be read.
        InterruptedRunError: a signal arrived; the state was saved.
    """
    # Data and run folder
    dataset = dataset if dataset.splits else hold_out(dataset)
    world = join_world(torch.device(device))
    if world.leads:
        folder.begin(out, recipe, resume)
        write_skipped(out / "skipped.json", dataset.skipped)
    world.wait()
    training_set = dataset.split("train")
    shape = model.config.preprocessing
    loader = Loader(
        recipe, training_set, shape, world=world, seed=seed, workers=workers, track=track
    )

    # Model, losses, optimisers, and where they were
    keep_freed_memory()
    objective = build_objective(recipe, training_set, world, model.dim, encoder)
    trainer = Trainer(recipe, model, loader, objective, world, torch.device(device))
    done = trainer.restore(out) if resume else 0
    validator = Validator(dataset, out, workers, device, track, encoder)

    # Steps
    began = time.perf_counter()
    with Interrupts() as signals, Record(out, done, listeners, muted=not world.leads) as record:
        steps = track(loader.batches(done), "train", loader.steps - done)
        for step, batch in enumerate(steps, start=done + 1):
            record.write(trainer.update(step, batch))
            stopping = world.any(signals.raised, trainer.device)
            last = step == loader.steps
            if stopping or last or due(step, recipe.engine.checkpoint_every):
                trainer.save(out, step)
            if stopping and not last:
                raise InterruptedRunError(
                    f"stopped after step {step} of {loader.steps}; its state is in {out}",
                    "the same command with --resume auto goes on from there",
                )
            if world.leads and not last and due(step, recipe.engine.evaluate_every):
                record.write(validator.periodic(trainer.judged, step))
                trainer.awake = False
        seconds = time.perf_counter() - began

        # Weights, results, curves
        found = None
        if world.leads:
            save_embedder(trainer.judged, out)
            found = validator.final(trainer.judged)
            record.write({"step": loader.steps, **(found.metrics if found else {})})
    if world.leads:
        speed = (loader.steps - done) * recipe.batch.size / seconds
        facts = {"steps": loader.steps, "seconds": seconds, "images_per_second": speed}
        measured = found.as_json() if found else {}
        write_json(out / folder.RESULTS, {**measured, **facts, "seed": seed})
        draw_curves(read_rows(out), out / folder.CURVES)
    world.wait()
    return RunResult(out, dict(found.metrics) if found else {}, seconds, found)


def build_objective(
    recipe: Recipe, dataset: ImageDataset, world: World, dim: int, encoder: TextEncoder | None
) -> nn.Module:
    """Return what a batch is trained on: the losses over labels, or over captions."""
    if recipe.captions is None:
        tree = class_tree(training_labels(recipe, dataset))
        return Objective(recipe, world, tree, dim, len(dataset))
    if encoder is None:
        raise UsageError(f"recipe {recipe.name} trains against captions: it needs a text encoder")
    return CaptionObjective(recipe, world, embed_captions(encoder, dataset), dim)


def due(step: int, every: int) -> bool:
    """Whether something that happens every `every` steps (0: never) happens after `step`."""
    return every > 0 and step % every == 0
