"""Runs of a comparison on a Ray cluster: an actor a run, which starts the run's own process.

The study, its journal and the run folders stay what they are, in a folder that all machines see; an
actor that dies takes its process with it, and the run is tried again by the next call.
"""

import signal
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from zoo import __version__
from zoo.cluster import Cluster
from zoo.experiments.launch import job_of
from zoo.experiments.plan import Place, Trial
from zoo.experiments.run_store import RunStore
from zoo.experiments.runner import Runner
from zoo.experiments.schedule import Launch, Process
from zoo.experiments.trial import Job

KILL_S = 5.0  # seconds for an actor to pass a signal on


class Remote:
    """A run on the cluster, as `schedule` looks after its processes."""

    def __init__(self, ray: Any, job: Job, log: Path, cluster: Cluster) -> None:
        self.ray = ray
        gpus = cluster.gpus or 0
        made = ray.remote(num_cpus=cluster.cpus, num_gpus=gpus, max_concurrency=2)(Runner)
        self.actor = made.remote()
        self.over = self.actor.run.remote(asdict(job), log, __version__, str(Path.cwd()))
        self.code: int | None = None

    def poll(self) -> int | None:
        """Return the exit code, or nothing while it runs; a lost actor was killed.

        Raises:
            RankzooError, OSError: why the actor could start no process.
        """
        if self.code is None and self.ray.wait([self.over], timeout=0)[0]:
            try:
                self.code = int(self.ray.get(self.over))
            except self.ray.exceptions.RayTaskError as error:
                raise error.cause or error from error
            except self.ray.exceptions.RayError:
                self.code = -signal.SIGKILL
        return self.code

    def terminate(self) -> None:
        """Ask it to save and stop."""
        self.actor.ask.remote(int(signal.SIGTERM))

    def kill(self) -> None:
        """End it, and its actor: one that waits for a free machine has no process yet."""
        asked = self.actor.ask.remote(int(signal.SIGKILL))
        self.ray.wait([asked], timeout=KILL_S)
        self.ray.kill(self.actor)


def launcher_on(ray: Any, cluster: Cluster, store: RunStore, place: Place) -> Launch:
    """Return how the runs of a plan are started on a cluster that `ray` is connected to."""
    cluster = cluster.fit_for(place.device)

    def launch(trial: Trial) -> Process:
        job = replace(job_of(store, place, trial, 1), threads=max(1, int(cluster.cpus)))
        return Remote(ray, job, store.run(trial).with_suffix(".log"), cluster)

    return launch
