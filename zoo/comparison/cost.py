"""What a comparison costs: a few updates are timed, the rest is arithmetic."""

import time
from collections.abc import Mapping
from dataclasses import replace
from itertools import islice
from typing import Any

import torch

from zoo.comparison.plan import Place, Plan, Trial
from zoo.data.catalogue import hold_out
from zoo.training.distributed import World
from zoo.training.feed import Feed
from zoo.training.loop import build_objective
from zoo.training.setup import build_network, load_encoder, read_data
from zoo.training.trainer import Trainer

TIMED = 3  # updates, after one that warms up
START_S = 6.0  # imports, reading and decoding, before the first update: measured on emoji


def estimate(plan: Plan, place: Place, jobs: int = 1) -> dict[str, Any]:
    """Return seconds per image and per update of the base recipe, and of everything in hours.

    An update of another batch size is taken to cost as much an image; one in chunks embeds its
    images twice, which is a third more. Evaluations cost a third of training per image.
    """
    per_image, evaluation_images = _measured(plan, place)
    everyone = {contender.name: 0 for contender in plan.contenders}
    tuning = sum(_seconds(plan, trial, per_image, 0) for trial in plan.tuning())
    finals = sum(
        _seconds(plan, trial, per_image, evaluation_images) for trial in plan.finals(everyone)
    )
    return {
        "seconds_per_step": per_image * plan.base.batch.size,
        "seconds_per_final_run": _seconds(
            plan, plan.finals(everyone)[-1], per_image, evaluation_images
        ),
        "tuning_hours": tuning / jobs / 3600,
        "final_hours": finals / jobs / 3600,
        "hours": (tuning + finals) / jobs / 3600,
    }


def _seconds(plan: Plan, trial: Trial, per_image: float, evaluation_images: int) -> float:
    recipe = plan.recipe(trial)
    passes = 4 / 3 if (recipe.batch.chunk or recipe.batch.size) < recipe.batch.size else 1.0
    trained = (recipe.schedule.steps or 0) * recipe.batch.size * passes
    if plan.contender(trial.contender).loss is None:
        trained = 0.0
    return START_S + per_image * (trained + evaluation_images / 3)


def _measured(plan: Plan, place: Place) -> tuple[float, int]:
    """Return the seconds an image costs in an update, and how many images are held out."""
    recipe = replace(plan.base, batch=replace(plan.base.batch, chunk=None))
    found = read_data(recipe, place.data, place.on_bad_image)
    catalogue = found if found.splits else hold_out(found)
    training, world = catalogue.split("train"), World()
    device = torch.device(place.device)
    model = build_network(recipe, offline=place.offline)
    encoder = load_encoder(recipe, offline=place.offline, device=place.device)
    feed = Feed(recipe, training, model.config.preprocessing, world=world, seed=0)
    objective = build_objective(recipe, training, world, model.dim, encoder)
    trainer = Trainer(recipe, model, feed, objective, world, device)
    times = []
    for step, batch in enumerate(islice(feed.batches(), TIMED + 1), start=1):
        start = time.perf_counter()
        trainer.update(step, batch)
        times.append(time.perf_counter() - start)
    return min(times[1:]) / recipe.batch.size, len(catalogue) - len(training)


def described(cost: Mapping[str, Any]) -> str:
    """Return the plan as lines for a person."""
    return "\n".join(f"{name.replace('_', ' ')}: {_shown(v)}" for name, v in cost.items())


def _shown(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.3g}"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
