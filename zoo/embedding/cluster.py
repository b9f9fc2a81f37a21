"""Running shards here or on Ray: a lost worker's shard is done again, a finished one is not."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from torch import nn

from zoo.data.dataset import read_dataset
from zoo.embedding.identity import at_scales, identify, reference
from zoo.embedding.options import EmbedOptions
from zoo.embedding.shards import Shard, Source, embed_shard
from zoo.errors import UnavailableError, UsageError
from zoo.progress import Track, silent

STARTS = 3
RETRIES = 5  # a shard that kills its worker six times is not unlucky


@dataclass(frozen=True)
class Job:
    """What a shard is made with, in names that any machine can resolve.

    load: `zoo.load`, handed over because it lives on a higher floor.
    """

    load: Callable[..., nn.Module]
    model: str
    images: Path
    modality: str = "images"
    scales: Sequence[float] = (1.0,)
    options: EmbedOptions = field(default_factory=EmbedOptions)
    offline: bool = False
    on_bad_image: Literal["fail", "skip"] = "fail"


@dataclass(frozen=True)
class Cluster:
    """Where shards are embedded.

    address: of a running cluster; None starts a local one and ends it afterwards.
    """

    address: str | None = None
    gpus_each: float = 0.0

    @classmethod
    def fit_for(cls, job: Job, address: str | None = None) -> "Cluster":
        """Return one with a GPU a shard where the job runs on GPUs."""
        return cls(address, 1.0 if job.options.device.startswith("cuda") else 0.0)


def embed_here(
    out: Path, shards: Sequence[Shard], job: Job, track: Track = silent
) -> dict[str, int]:
    """Embed shards one after another; return how many were done now and how many before."""
    source, options = source_of(job), job.options
    results = [
        embed_shard(out, shard, source, options) for shard in track(shards, "shards", len(shards))
    ]
    return {"done": sum(results), "kept": len(results) - sum(results)}


def embed_on_ray(
    out: Path,
    shards: Sequence[Shard],
    job: Job,
    cluster: Cluster = Cluster(),
    track: Track = silent,
) -> dict[str, int]:
    """Embed every shard as a Ray task; return how many were done now and how many before.

    out: a folder that all nodes see.

    Raises:
        UsageError: Ray is not installed. UnavailableError: the cluster is out of reach.
    """
    ray = _ray()
    _start(ray, cluster.address)
    try:
        settings = {"num_cpus": 1, "num_gpus": cluster.gpus_each, "max_retries": RETRIES}
        task = ray.remote(**settings)(embed_named)
        waiting = [task.remote(out, shard, job) for shard in shards]
        finished = track(_finished(ray, waiting), "shards", len(shards))
        results = [bool(ray.get(reference)) for reference in finished]
    finally:
        ray.shutdown()
    return {"done": sum(results), "kept": len(shards) - sum(results)}


def embed_named(out: Path, shard: Shard, job: Job) -> bool:
    """Embed one shard, on whatever machine this is; see `embed_shard`."""
    return embed_shard(out, shard, source_of(job), job.options)


def source_of(job: Job) -> Source:
    """Load the model, hash its weights and read the dataset: once a process."""
    dataset = read_dataset(job.images, on_bad_image=job.on_bad_image, require_labels=False)
    loaded = job.load(job.model, offline=job.offline, device=job.options.device)
    model = at_scales(loaded, job.scales)
    return Source(model, identify(model, reference(job.model)), dataset, job.modality)


def _start(ray: Any, address: str | None) -> None:
    """Connect; Ray gives its own processes 30 s to start, too few on a busy machine: try again."""
    for attempt in range(1, STARTS + 1):
        try:
            ray.init(address=address, include_dashboard=False, logging_level="ERROR")
            return
        except Exception as error:  # Ray raises a bare Exception when its processes do not start
            ray.shutdown()
            if attempt == STARTS:
                where = address or "a local cluster"
                raise UnavailableError(
                    f"Ray: {where} cannot be reached: {error}", "try --engine local"
                ) from error


def _finished(ray: Any, waiting: list[Any]) -> Any:
    while waiting:
        done, waiting = ray.wait(waiting, num_returns=1)
        yield from done


def _ray() -> Any:
    try:
        import ray
    except ImportError as error:
        raise UsageError("--engine ray needs Ray", "pip install 'rankzoo[ray]'") from error
    return ray
