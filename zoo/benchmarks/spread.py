"""How embedding and searching grow with workers on Ray, on this machine, a thread each.

With more workers than cores they take turns: that shows what dividing costs, not what it gives.
"""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float32
from PIL import Image

from zoo.benchmarks.index import clustered
from zoo.cluster import Cluster, connected, mapped
from zoo.data.preprocessing import Preprocessing
from zoo.device import memory_held, memory_mapped
from zoo.embedding.cluster import Job, Worker
from zoo.embedding.identity import ModelIdentity
from zoo.embedding.shards import Shard
from zoo.errors import UnavailableError, UsageError
from zoo.index import Index, Plan, Record, engine
from zoo.index.reader import Reader
from zoo.models import EmbedderConfig, build_embedder, save_embedder
from zoo.progress import Track, silent
from zoo.serve.shards import Router
from zoo.serve.spread import Spread, spread
from zoo.tasks import load

SHARDS = 16  # of the images
SIDE = 256  # pixels of an image
TOGETHER = 32  # queries that a server's pass takes at most
READY_S = 120.0  # seconds until all workers are ready
K = 10
WARM = 20  # queries before the clock starts: they map pages


@dataclass(frozen=True)
class Spreading:
    """What is embedded and searched, and by how many workers.

    count, dim, kind: of the index; it has as many segments as there are most workers.
    probes: cells that a query visits in each segment.
    """

    images: int = 640
    architecture: str = "resnet18"
    count: int = 100_000
    dim: int = 128
    kind: str = "IVF512,SQ8"
    probes: int = 16
    queries: int = 400
    workers: tuple[int, ...] = (1, 2, 4)
    repeats: int = 3
    seed: int = 0


def bench_spread(folder: Path, asked: Spreading, track: Track = silent) -> dict[str, Any]:
    """Embed and search with each number of workers, `repeats` times by turns; keep the best.

    folder: an empty one, with room for the images and the index.

    Raises:
        UsageError: threads were not pinned, or an argument that cannot be.
    """
    if os.environ.get("OMP_NUM_THREADS") != "1":
        raise UsageError("a worker is measured on one thread", "OMP_NUM_THREADS=1 rankzoo bench …")
    os.environ.setdefault("RAY_worker_niceness", "0")  # by default 15: one process would be ahead
    torch.set_num_threads(1)
    engine.set_threads(1)
    model, images = _model(folder / "model", asked), _images(folder / "images", asked)
    index, queries = _index(folder / "index", asked)
    job = Job(load, str(model), images)
    turns = [(turn, w) for turn in range(asked.repeats) for w in asked.workers]
    embedded = [
        (w, _embedding(folder / f"{t}-{w}", job, w, asked)) for t, w in track(turns, "embed")
    ]
    alone = [_alone(index.folder, queries) for _ in range(asked.repeats)]
    searched = [(w, _spread(index, queries, w)) for _, w in track(turns, "search")]
    return {
        **{name: value for name, value in vars(asked).items() if name != "workers"},
        "cores": os.cpu_count(),
        "embedding": [{"workers": w, **_best(embedded, w)} for w in asked.workers],
        "searching": [
            {"shards": "one process", **_least(alone)},
            *({"shards": w, **_best(searched, w)} for w in asked.workers),
        ],
    }


def _best(found: Sequence[tuple[int, dict[str, float]]], workers: int) -> dict[str, float]:
    return _least([row for n, row in found if n == workers])


def _least(rows: Sequence[dict[str, float]]) -> dict[str, float]:
    """Return each figure's best: the largest rate, the smallest of all else."""
    return {n: (max if "per_s" in n else min)(row[n] for row in rows) for n in rows[0]}


class Timed(Worker):
    """A worker that begins together with the others, and tells when.

    out: also where each says that it is ready.
    """

    def __init__(self, out: Path, job: Job, workers: int) -> None:
        super().__init__(out, job)
        out.mkdir(exist_ok=True)
        (out / f".ready-{os.getpid()}").touch()
        end = time.monotonic() + READY_S
        while len(list(out.glob(".ready-*"))) < workers:
            if time.monotonic() > end:
                raise UnavailableError(f"{workers} workers were not ready in {READY_S:g} s")
            time.sleep(0.01)
        self.began = time.time()

    def __call__(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Embed the shard of a row."""
        return {**super().__call__(row), "began": self.began, "ended": time.time()}


def _embedding(out: Path, job: Job, workers: int, asked: Spreading) -> dict[str, float]:
    """Return images a second, from when all workers are ready, and seconds of it all."""
    began = time.time()
    cluster = Cluster(cpus=(os.cpu_count() or 1) / workers)  # just so many have room
    rows = [vars(Shard(number, SHARDS)) for number in range(SHARDS)]
    with connected(cluster, "data"):
        done = list(mapped(rows, Timed, (out, job, workers), cluster))
    took = max(row["ended"] for row in done) - max(row["began"] for row in done)
    return {"images_per_s": asked.images / took, "seconds_with_start": time.time() - began}


def _spread(index: Index, queries: Any, workers: int) -> dict[str, float]:
    share = Cluster(cpus=min(1.0, (os.cpu_count() or 1) / workers))  # a whole one is a thread
    with spread(Spread(share, workers, seconds=60)) as open_reader:
        router = open_reader(index.folder)
        assert isinstance(router, Router)
        same = router.search(queries[:8], K) == index.search(queries[:8], K)
        assert same, "shards answer as one process"
        found = _searching(router, queries)
        each = [handle.held.remote().result() for handle in router.handles]
        resident, of_files = (1e-6 * max(column) for column in zip(*each, strict=True))
        return {**found, "mb_a_process": resident, "mb_of_files": of_files}


def _alone(folder: Path, queries: Any) -> dict[str, float]:
    """Search in a process that does nothing else, as a shard's does."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return pool.submit(_in_one, folder, queries.numpy()).result()


def _in_one(folder: Path, queries: Any) -> dict[str, float]:
    engine.set_threads(1)
    index = Index.open(folder)  # kept: what is mapped counts
    found = _searching(index, torch.from_numpy(queries))
    resident, of_files = 1e-6 * (memory_held() or 0), 1e-6 * (memory_mapped() or 0)
    return {**found, "mb_a_process": resident, "mb_of_files": of_files}


def _searching(reader: Reader, queries: Float32[torch.Tensor, "query dim"]) -> dict[str, float]:
    """Return latencies of queries one at a time, and how many a second go through together."""
    took = [_seconds(lambda one: reader.search(one, K), query[None]) for query in queries]
    p50, p99 = (1_000 * float(q) for q in np.quantile(took[WARM:], [0.5, 0.99]))
    batches = [queries[n : n + TOGETHER] for n in range(0, len(queries), TOGETHER)]
    together = sum(_seconds(lambda batch: reader.search(batch, K), batch) for batch in batches)
    return {"p50_ms": p50, "p99_ms": p99, "queries_per_s_together": len(queries) / together}


def _seconds(work: Callable[[torch.Tensor], object], queries: torch.Tensor) -> float:
    began = time.perf_counter()
    work(queries)
    return time.perf_counter() - began


def _model(folder: Path, asked: Spreading) -> Path:
    torch.manual_seed(asked.seed)
    preprocessing = Preprocessing(size=224, resize=SIDE)
    config = EmbedderConfig(asked.architecture, preprocessing=preprocessing)
    save_embedder(build_embedder(config), folder)
    return folder


def _images(folder: Path, asked: Spreading) -> Path:
    folder.mkdir()
    random = np.random.default_rng(asked.seed)
    for number in range(asked.images):
        pixels = random.integers(0, 256, (SIDE // 8, SIDE // 8, 3), dtype=np.uint8)
        image = Image.fromarray(pixels).resize((SIDE, SIDE))
        image.save(folder / f"{number:06d}.jpg")
    return folder


def _index(folder: Path, asked: Spreading) -> tuple[Index, Float32[torch.Tensor, "query dim"]]:
    """Return an index in segments of one size, and queries of the same set."""
    parts = max(asked.workers)
    each = asked.count // parts
    identity = ModelIdentity("clusters", "0" * 64, {})
    plan = Plan(asked.kind, nprobe=asked.probes)
    made: Index | None = None
    for part in range(parts):
        vectors = torch.from_numpy(clustered(each, asked.dim, asked.seed, part))
        rows = [Record(f"{part}-{n}.jpg") for n in range(each)]
        if made is None:
            made = Index.from_vectors(folder, vectors, rows, identity, plan=plan)
        else:
            made.add_vectors(vectors, rows)
    assert made is not None
    return made, torch.from_numpy(clustered(asked.queries, asked.dim, asked.seed, parts))
