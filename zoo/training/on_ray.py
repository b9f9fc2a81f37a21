"""Training on a Ray cluster: the run that torchrun would make, with as many processes.

Ray Train starts the processes and joins them (gloo on CPUs, nccl on GPUs); when one dies, all are
started again and go on from the run folder's last checkpoint.
"""

import logging
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from zoo import __version__
from zoo.cluster import (
    RETRIES,
    Cluster,
    connected,
    ended,
    for_persons,
    go_to,
    guarded,
    refuse_other_version,
    unguarded,
)
from zoo.files import read_object, refuse_to_overwrite, write_json
from zoo.recipes import AnyRecipe
from zoo.runs.folder import RunResult
from zoo.runs.options import TrainOptions
from zoo.tasks import named

TOLD = "told.json"  # how the processes ended, in Ray's own folder beside the run


@dataclass(frozen=True)
class Processes:
    """How many processes train together, each with `cluster.cpus` and `cluster.gpus`."""

    cluster: Cluster
    count: int = 1


def train_on_ray(
    task: str, recipe: AnyRecipe, options: TrainOptions, how: Processes
) -> RunResult | None:
    """Train; return the result.

    task: who trains, `module:function`. options.out, options.data: seen by all machines.

    Raises:
        UnavailableError: the cluster is out of reach. RankzooError: what training raises, or
            processes that died six times.
    """
    if options.resume == "no":
        refuse_to_overwrite(options.out)
    data = options.data.absolute() if options.data else None
    options = replace(options, out=options.out.absolute(), data=data, resume="auto")
    work = options.out.with_name(f".{options.out.name}.ray")
    cluster = how.cluster.fit_for(options.device)
    with connected(cluster, "train", workers=how.count):
        shutil.rmtree(work, ignore_errors=True)  # of a driver that was killed
        try:
            told = _fit((task, recipe, options), replace(how, cluster=cluster), work)
        finally:
            shutil.rmtree(work, ignore_errors=True)
    found = unguarded(told)
    told = {"before": found["before"], "measured_on": found["measured_on"]}
    return RunResult(Path(found["run"]), found["metrics"], found["seconds"], **told)


def _fit(arguments: tuple[Any, ...], how: Processes, work: Path) -> dict[str, Any]:
    """Let Ray Train carry out the loop; return what its processes told."""
    from ray.train import FailureConfig, RunConfig, ScalingConfig
    from ray.train.torch import TorchConfig, TorchTrainer

    logging.getLogger("ray.train").setLevel(logging.ERROR)
    gpus = float(how.cluster.gpus or 0)
    each = {"CPU": float(how.cluster.cpus), **({"GPU": gpus} if gpus else {})}
    trainer = TorchTrainer(
        _train,
        train_loop_config={
            "arguments": arguments,
            "work": work,
            "version": __version__,
            "folder": str(Path.cwd()),
        },
        torch_config=TorchConfig("nccl" if gpus else "gloo"),
        scaling_config=ScalingConfig(
            num_workers=how.count, use_gpu=bool(gpus), resources_per_worker=each
        ),
        run_config=RunConfig(
            name="run",
            storage_path=str(work),
            failure_config=FailureConfig(RETRIES, controller_failure_limit=RETRIES),
        ),
    )
    try:
        trainer.fit()
    except Exception as error:  # of Ray's, for whatever ended its processes
        again = "the same command with --resume auto"
        raise ended(error, "a process that trains", again) from error
    return read_object(work / TOLD)


def _train(config: dict[str, Any]) -> None:
    """Train in one of the processes, and tell how it ended, in a file: Ray keeps no last words.

    Who fails raises, so that Ray ends the others, who would wait for it; it starts all again, and
    they see what was told.
    """
    told = config["work"] / TOLD
    if told.exists():
        return
    task, recipe, options = config["arguments"]
    try:
        refuse_other_version(config["version"])
        go_to(config["folder"])
        done: RunResult | None = named(task)(recipe, options)
    except Exception as error:
        write_json(told, guarded(for_persons(error)))
        raise
    if done is not None:  # there is nothing in the processes that do not lead
        write_json(told, {"problem": "", **done.as_json()})
