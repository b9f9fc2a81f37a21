"""Starting the process of a run: its peak memory is its own, and so is its crash."""

import os
from dataclasses import asdict

import torch

from zoo.experiments.plan import Place, Trial
from zoo.experiments.run_store import RunStore
from zoo.experiments.runner import start
from zoo.experiments.schedule import Launch, Process
from zoo.experiments.trial import Job
from zoo.recipes.values import to_json


def threads_each(jobs: int) -> int:
    """Return how many threads each of `jobs` processes computes with.

    `OMP_NUM_THREADS` says it, as everywhere in torch; without it the cores are shared. More threads
    than cores wait for each other by spinning, which costs far more than the cores they lack.
    """
    told = os.environ.get("OMP_NUM_THREADS", "")
    return max(1, int(told) if told.isdecimal() else torch.get_num_threads() // jobs)


def job_of(store: RunStore, place: Place, trial: Trial, jobs: int) -> Job:
    """Return what the process of a run has to know; `jobs` processes share the cores."""
    plan = store.plan
    return Job(
        run=str(store.run(trial)),
        lock=store.lock(trial).lock_file,
        data=str(place.data),
        recipe=to_json(plan.recipe(trial)),
        stage=trial.stage,
        seed=trial.seed,
        trains=plan.candidate(trial.candidate).loss is not None,
        validation=plan.validation,
        threads=threads_each(jobs),
        device=place.device,
        workers=place.workers,
        offline=place.offline,
        on_bad_image=place.on_bad_image,
        parent=os.getpid(),
    )


def launcher(store: RunStore, place: Place, jobs: int) -> Launch:
    """Return how the runs of a plan are started."""

    def launch(trial: Trial) -> Process:
        job = asdict(job_of(store, place, trial, jobs))
        return start(job, store.run(trial).with_suffix(".log"))

    return launch
