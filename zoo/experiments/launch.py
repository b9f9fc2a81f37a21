"""Starting the process of a run: its peak memory is its own, and so is its crash."""

import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import zoo
from zoo.experiments.plan import Place, Trial
from zoo.experiments.run_store import RunStore
from zoo.experiments.schedule import Launch, Process
from zoo.experiments.trial import Job
from zoo.recipes.values import to_json

MODULE = "zoo.experiments.trial"


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
        return started(job_of(store, place, trial, jobs), store.run(trial).with_suffix(".log"))

    return launch


def started(job: Job, log: Path) -> subprocess.Popen[str]:
    """Start the process of a run; it writes to the end of `log`."""
    log.parent.mkdir(parents=True, exist_ok=True)
    root = str(Path(zoo.__file__).parents[1])
    paths = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": str(job.threads)}
    with log.open("a") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", MODULE],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            text=True,
            env=environment,
            process_group=0,  # Ctrl-C reaches us alone: we ask the run to save
        )
    assert process.stdin is not None
    process.stdin.write(json.dumps(asdict(job)))
    process.stdin.close()
    return process
