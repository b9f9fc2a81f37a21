"""What a comparison costs: a few updates are timed, the rest is arithmetic."""

import time
from collections.abc import Mapping
from itertools import islice
from typing import Any

import torch

from zoo.data.dataset import hold_out
from zoo.device import keep_freed_memory
from zoo.experiments.launch import threads_each
from zoo.experiments.plan import Place, Plan
from zoo.recipes.recipe import Recipe
from zoo.runs.options import RunOptions
from zoo.training.distributed import World
from zoo.training.loader import Loader
from zoo.training.loop import build_objective
from zoo.training.setup import build_network, load_encoder, read_data
from zoo.training.trainer import Trainer

TIMED = 3  # updates, after one that warms up
START_S = 6.0  # imports, reading, decoding: emoji on 2 CPU cores


def estimate(plan: Plan, place: Place, jobs: int = 1) -> dict[str, Any]:
    """Return the seconds of an update and of a run that counts, and the hours of everything.

    What is timed is an update of the base recipe, on the cores that each of `jobs` would have;
    evaluations are left out.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(threads_each(jobs))
    try:
        step = seconds_per_step(plan.base, place)
    finally:
        torch.set_num_threads(before)
    tuning, final = START_S + plan.tuning_steps * step, START_S + plan.steps * step
    hours = {
        "tuning_hours": tuning * sum(map(plan.tuning_runs, plan.candidates)) / jobs / 3600,
        "final_hours": final * sum(len(plan.seeds_of(c)) for c in plan.candidates) / jobs / 3600,
    }
    return {
        "seconds_per_step": step,
        "seconds_per_final_run": final,
        **hours,
        "hours": sum(hours.values()),
    }


def seconds_per_step(recipe: Recipe, place: Place) -> float:
    """Time a few updates of a recipe in this process; return the fastest."""
    keep_freed_memory()
    found = read_data(recipe, place.data, place.on_bad_image)
    training, world = (found if found.splits else hold_out(found)).split("train"), World()
    model = build_network(recipe, offline=place.offline)
    encoder = load_encoder(recipe, offline=place.offline, device=place.device)
    loader = Loader(recipe, training, model.config.preprocessing, world, RunOptions())
    objective = build_objective(recipe, training, world, model.dim, encoder)
    trainer = Trainer(model, loader, objective, torch.device(place.device))
    times = []
    for step, batch in enumerate(islice(loader.batches(), TIMED + 1), start=1):
        start = time.perf_counter()
        trainer.update(step, batch)
        times.append(time.perf_counter() - start)
    return min(times[1:] or times)


def described(cost: Mapping[str, Any]) -> str:
    """Return the plan as lines for a person."""
    return "\n".join(f"{name.replace('_', ' ')}: {_shown(v)}" for name, v in cost.items())


def _shown(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.3g}"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
