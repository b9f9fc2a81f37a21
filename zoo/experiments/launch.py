"""Starting the process of a run: its peak memory is its own, and so is its crash."""

import os
from dataclasses import asdict

from zoo.experiments.plan import Place, Trial
from zoo.experiments.run_store import RunStore
from zoo.experiments.runner import start
from zoo.experiments.schedule import Launch, Process
from zoo.experiments.trial import Job
from zoo.recipes.values import to_json


def threads_each(jobs: int) -> int:
    """Return how many cores each of `jobs` processes may use."""
    return max(1, (os.cpu_count() or 1) // jobs)


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
