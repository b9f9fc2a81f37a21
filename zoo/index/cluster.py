"""Running shards here or on Ray: a lost worker's shard is done again, a finished one is not."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from torch import nn

from zoo.data.dataset import read_dataset
from zoo.errors import UnavailableError, UsageError
from zoo.index.identity import at_scales, identify, reference
from zoo.index.shards import Shard, embed_shard
from zoo.index.sources import Means
from zoo.progress import Track, silent

STARTS = 3
RETRIES = 5  # a shard that kills its worker six times is not unlucky


def embed_here(
    out: Path, shards: Sequence[Shard], job: Mapping[str, Any], *, track: Track = silent
) -> dict[str, int]:
    """Embed shards one after another; return how many were done now and how many before."""
    results = [embed_named(out, shard, **job) for shard in track(shards, "shards", len(shards))]
    return {"done": sum(results), "kept": len(results) - sum(results)}


def embed_on_ray(
    out: Path,
    shards: int,
    job: Mapping[str, Any],
    *,
    address: str | None = None,
    gpus_each: float = 0.0,
    track: Track = silent,
) -> dict[str, int]:
    """Embed every shard as a Ray task; return how many were done now and how many before.

    out: a folder that all nodes see. job: what `embed_named` takes besides the shard.
    address: a running cluster; None starts a local one and ends it afterwards.

    Raises:
        UsageError: Ray is not installed. UnavailableError: the cluster is out of reach.
    """
    ray = _ray()
    _start(ray, address)
    try:
        task = ray.remote(num_cpus=1, num_gpus=gpus_each, max_retries=RETRIES)(embed_named)
        waiting = [task.remote(out, Shard(number, shards), **job) for number in range(shards)]
        finished = track(_finished(ray, waiting), "shards", shards)
        results = [bool(ray.get(reference)) for reference in finished]
    finally:
        ray.shutdown()
    return {"done": sum(results), "kept": shards - sum(results)}


def embed_named(
    out: Path,
    shard: Shard,
    *,
    load: Callable[..., nn.Module],
    model: str,
    images: Path,
    modality: str = "images",
    scales: Sequence[float] = (1.0,),
    batch_size: int = 64,
    device: str = "cpu",
    offline: bool = False,
    on_bad_image: Literal["fail", "skip"] = "fail",
) -> bool:
    """Embed one shard, given names that any machine can resolve; see `embed_shard`.

    load: `zoo.load`, handed over because it lives on a higher floor.
    """
    dataset = read_dataset(images, on_bad_image=on_bad_image, require_labels=False)
    embedder = at_scales(load(model, offline=offline, device=device), scales)
    identity = identify(embedder, reference(model))
    means = Means(batch_size=batch_size, device=device)
    return embed_shard(out, shard, embedder, identity, dataset, means, modality)


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
