"""Shards embedded here or on Ray Data: a lost worker's shard is done again, a done one is kept."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from torch import nn

from zoo.cluster import Cluster, connected, mapped
from zoo.data.dataset import read_dataset
from zoo.data.packed import TAR, packs_in
from zoo.embedding.identity import at_scales, identify, reference
from zoo.embedding.options import EmbedOptions
from zoo.embedding.shards import Packs, Shard, Source, embed_shard
from zoo.errors import UsageError
from zoo.progress import Track, silent

ON_RAY = 16  # shards of a set on Ray, where nobody says how many


@dataclass(frozen=True)
class Job:
    """What a shard is made with, in names that any machine can resolve.

    load: `zoo.load`, handed over because it lives on a higher floor. packs: see `divided`.
    """

    load: Callable[..., nn.Module]
    model: str
    images: Path
    splits: Sequence[str] = ()
    modality: str = "images"
    scales: Sequence[float] = (1.0,)
    options: EmbedOptions = field(default_factory=EmbedOptions)
    offline: bool = False
    on_bad_image: Literal["fail", "skip"] = "fail"
    packs: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Division:
    """How a set is divided, and who embeds the parts; `cluster` None: this process.

    shard: one of them alone, such as `3/8`. shards: 0 for one, one a packed file, or 16 on Ray.
    apart: an index keeps each as a segment of its own.
    """

    shard: str = ""
    shards: int = 0
    cluster: Cluster | None = None
    apart: bool = False


def divided(job: Job, division: Division) -> tuple[Job, list[Shard]]:
    """Return a job that knows its packed files, if it has any, and its shards.

    A folder of Parquet that is not divided is a set of the Hub, which its reader unpacks whole.

    Raises:
        UsageError: a shard of its own on Ray, splits of packed files, or fewer of them than shards.
    """
    if division.shard and (division.cluster or division.shards):
        hint = "give --shards N, or --shard i/n alone"
        raise UsageError("--shard is one worker's part of an array job", hint)
    found = [] if (job.images / "unpacked").exists() else packs_in(job.images)
    packs = found if is_divided(job.images, division) else []
    alone = [Shard.parse(division.shard)] if division.shard else []
    count = alone[0].total if alone else division.shards or len(packs)
    count = count or (ON_RAY if division.cluster else 1)
    if packs and count > len(packs):
        raise UsageError(f"{len(packs)} packed files make no {count} shards", "give fewer --shards")
    if packs and job.splits:
        raise UsageError("packed files have no splits", "leave --split out")
    return replace(job, packs=tuple(packs)), alone or [Shard(n, count) for n in range(count)]


def is_divided(images: Path, division: Division) -> bool:
    """Whether a set is embedded in shards: somebody said so, or it lies in tar files."""
    asked = division.shard or division.shards or division.cluster
    return bool(asked) or any(pack.suffix.lower() == TAR for pack in packs_in(images))


def embed_shards(
    out: Path, job: Job, division: Division = Division(), track: Track = silent
) -> dict[str, int]:
    """Embed shards here or on a cluster; return how many were done now and how many before.

    out: a folder that all machines see.

    Raises:
        UsageError: Ray is not installed, or the division cannot be.
        UnavailableError: the cluster is out of reach. RankzooError: of `embed_shard`.
    """
    job, shards = divided(job, division)
    if division.cluster is None:
        worker = Worker(out, job)
        here = [worker.embed(shard) for shard in track(shards, "shards", len(shards))]
        return _counted(here)
    cluster = division.cluster.fit_for(job.options.device)
    if cluster.gpus and not job.options.device.startswith("cuda"):
        job = replace(job, options=replace(job.options, device="cuda"))
    rows = [vars(shard) for shard in shards]
    with connected(cluster, "data"):
        done = mapped(rows, Worker, (out, job), cluster)
        return _counted([row["done"] for row in track(done, "shards", len(shards))])


class Worker:
    """A process that embeds shards: it loads the model, hashes it and reads the dataset once."""

    def __init__(self, out: Path, job: Job) -> None:
        self.out = out
        self.job = job
        self.source = source_of(job)

    def __call__(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Embed the shard of a row; see `embed`."""
        return {"done": self.embed(Shard(int(row["number"]), int(row["total"])))}

    def embed(self, shard: Shard) -> bool:
        """Embed one shard; return whether it was not there before."""
        return embed_shard(self.out, shard, self.source, self.job.options)


def source_of(job: Job) -> Source:
    """Load the model, hash its weights, and read the dataset or find the packed files."""
    loaded = job.load(job.model, offline=job.offline, device=job.options.device)
    model = at_scales(loaded, job.scales)
    identity = identify(model, reference(job.model))
    if job.packs:
        return Source(model, identity, Packs(job.packs, job.on_bad_image), job.modality)
    dataset = read_dataset(job.images, on_bad_image=job.on_bad_image, require_labels=False)
    part = dataset.split(*job.splits) if job.splits else dataset
    return Source(model, identity, part, job.modality)


def _counted(done: Sequence[bool]) -> dict[str, int]:
    return {"done": sum(done), "kept": len(done) - sum(done)}
