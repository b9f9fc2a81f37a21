"""What a comparison costs: a few updates and embeddings are timed, the rest is arithmetic."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import torch

from zoo.data.dataset import ImageDataset, hold_out
from zoo.embedding.embed import embed_dataset
from zoo.embedding.options import EmbedOptions
from zoo.experiments.launch import threads_each
from zoo.experiments.plan import CURVE_POINTS, Place, Plan, Trial
from zoo.experiments.validation import validation_split
from zoo.models import Embedder
from zoo.recipes.recipe import Recipe
from zoo.training.allocator import keep_freed_memory
from zoo.training.distributed import World
from zoo.training.loader import Loader
from zoo.training.loop import build_objective
from zoo.training.setup import build_network, load_encoder, read_data
from zoo.training.trainer import Trainer

TIMED = 3  # updates, after one that warms up
EMBEDDED = 128  # images
START_S = 6.0  # imports, reading, decoding: emoji on 2 CPU cores


@dataclass(frozen=True)
class Speed:
    """Seconds an image costs in an update and in an evaluation, and how many are evaluated."""

    trained: float
    embedded: float
    held_out: int
    validation: int


def estimate(plan: Plan, place: Place, jobs: int = 1) -> dict[str, Any]:
    """Return the seconds of an update and of a run that counts, and the hours of everything.

    An update of another batch size is taken to cost as much an image; one in chunks embeds its
    images twice, which is a third more. The timing uses the cores that each of `jobs` would have.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(threads_each(jobs))
    try:
        speed = measured_speed(plan, place)
    finally:
        torch.set_num_threads(before)
    everyone = {candidate.name: 0 for candidate in plan.candidates}
    finals = plan.finals(everyone)
    tuning_seconds = sum(_seconds(plan, trial, speed) for trial in plan.tuning())
    final_seconds = sum(_seconds(plan, trial, speed) for trial in finals)
    return {
        "seconds_per_step": speed.trained * plan.base.batch.size,
        "seconds_per_final_run": max(_seconds(plan, trial, speed) for trial in finals),
        "tuning_hours": tuning_seconds / jobs / 3600,
        "final_hours": final_seconds / jobs / 3600,
        "hours": (tuning_seconds + final_seconds) / jobs / 3600,
    }


def measured_speed(plan: Plan, place: Place) -> Speed:
    """Time a few updates of the base recipe and a few embeddings, in this process."""
    recipe = replace(plan.base, batch=replace(plan.base.batch, chunk=None))
    found = read_data(recipe, place.data, place.on_bad_image)
    dataset = found if found.splits else hold_out(found)
    seen = validation_split(dataset, plan.validation, recipe.captions is not None)
    held = dataset.subset(i for i, item in enumerate(dataset.items) if item.split != "train")
    model = build_network(recipe, offline=place.offline)
    trained = _seconds_of_an_update(recipe, dataset, model, place) / recipe.batch.size
    few = held.subset(range(min(EMBEDDED, len(held))))
    start = time.perf_counter()
    embed_dataset(model, few, EmbedOptions(workers=place.workers, device=place.device))
    embedded = (time.perf_counter() - start) / max(1, len(few))
    return Speed(trained, embedded, len(held), sum(i.split != "train" for i in seen.items))


def _seconds_of_an_update(
    recipe: Recipe, dataset: ImageDataset, model: Embedder, place: Place
) -> float:
    keep_freed_memory()
    training, world = dataset.split("train"), World()
    encoder = load_encoder(recipe, offline=place.offline, device=place.device)
    loader = Loader(recipe, training, model.config.preprocessing, world=world, seed=0)
    objective = build_objective(recipe, training, world, model.dim, encoder)
    trainer = Trainer(recipe, model, loader, objective, world, torch.device(place.device))
    times = []
    for step, batch in enumerate(islice(loader.batches(), TIMED + 1), start=1):
        start = time.perf_counter()
        trainer.update(step, batch)
        times.append(time.perf_counter() - start)
    return min(times[1:] or times)


def _seconds(plan: Plan, trial: Trial, speed: Speed) -> float:
    recipe = plan.recipe(trial)
    tuning = trial.stage == "tuning"
    passes = 4 / 3 if (recipe.batch.chunk or recipe.batch.size) < recipe.batch.size else 1.0
    images = (recipe.schedule.steps or 0) * recipe.batch.size * passes
    if plan.candidate(trial.candidate).loss is None:
        images = 0
    evaluated = CURVE_POINTS * speed.validation if tuning else speed.held_out
    return START_S + speed.trained * images + speed.embedded * evaluated


def described(cost: Mapping[str, Any]) -> str:
    """Return the plan as lines for a person."""
    return "\n".join(f"{name.replace('_', ' ')}: {_shown(v)}" for name, v in cost.items())


def _shown(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.3g}"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
