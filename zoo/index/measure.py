"""Measuring a plan: recall against exact search, speed, memory, build time."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from jaxtyping import Float32

from zoo.embedding.vector_file import VECTORS, map_vectors, write_vectors
from zoo.index import engine
from zoo.index.candidates import between, efforts
from zoo.index.layout import Plan
from zoo.index.segment import CODES
from zoo.index.target import Target

log = logging.getLogger("rankzoo")
SINGLES = 50  # queries asked one by one for the latency
REPEATS = 3  # the best of them: other work on the machine only ever slows a search down
SLOW = 1.0  # seconds: a batch that takes longer is not searched again
ENOUGH = 0.9995  # recall past which searching harder is not tried

Vectors = Float32[np.ndarray, "item dim"]
Queries = Float32[np.ndarray, "query dim"]


@dataclass(frozen=True)
class Measured:
    """One candidate at one effort: queries per second in one batch, milliseconds alone."""

    plan: Plan
    recall: float
    qps: float
    latency_ms: float
    memory_bytes: int
    build_s: float

    def meets(self, target: Target) -> bool:
        """Whether everything asked for is there."""
        return (
            (target.recall is None or self.recall >= target.recall)
            and (target.memory_bytes is None or self.memory_bytes <= target.memory_bytes)
            and (target.latency_ms is None or self.latency_ms <= target.latency_ms)
        )

    def to_json(self) -> dict[str, Any]:
        """Return a row of the table that the index keeps."""
        return {"plan": str(self.plan), **{k: v for k, v in asdict(self).items() if k != "plan"}}


@dataclass(frozen=True)
class Built:
    """An index of a workload's vectors, mapped; what a search keeps in memory; seconds it took."""

    index: Any
    memory_bytes: int
    seconds: float


class Workload:
    """Vectors mapped as an index maps them, queries and their true neighbours: plans run on it."""

    def __init__(self, folder: Path, vectors: Vectors, queries: Queries, k: int) -> None:
        self.folder = folder
        self.queries = queries
        write_vectors(folder / VECTORS, [vectors], *vectors.shape)
        self.vectors = map_vectors(folder / VECTORS, *vectors.shape)
        self.flat = engine.open_flat(folder / VECTORS, *vectors.shape)
        self.truth = engine.exact(vectors, queries, k)[1]

    def build(self, kind: str) -> Built:
        """Train, fill, write and map one kind."""
        if kind == "Flat":
            return Built(self.flat, (self.folder / VECTORS).stat().st_size, 0.0)
        path = self.folder / f"{kind}.{CODES}"
        started = time.perf_counter()
        index = engine.train(kind, self.vectors)
        engine.add(index, self.vectors)
        engine.write(index, path)
        seconds = time.perf_counter() - started
        hopped = (self.folder / VECTORS).stat().st_size if kind.startswith("HNSW") else 0
        memory = path.stat().st_size + hopped
        opened = engine.open_coded(path, kind, self.flat)
        path.unlink()  # what is mapped stays
        return Built(opened, memory, seconds)

    def run(self, built: Built, plan: Plan, repeats: int = REPEATS) -> Measured:
        """Search at one effort."""
        k = self.truth.shape[1]

        def search(batch: Queries) -> tuple[float, Any]:
            started = time.perf_counter()
            found = engine.search(built.index, self.flat, plan, batch, k)[1]
            return time.perf_counter() - started, found

        runs = [search(self.queries)]
        if runs[0][0] < SLOW:
            runs += [search(self.queries) for _ in range(repeats - 1)]
        pairs = zip(runs[0][1], self.truth, strict=True)
        recall = sum(len(np.intersect1d(a, b)) for a, b in pairs) / self.truth.size
        qps = len(self.queries) / min(seconds for seconds, _ in runs)
        alone = [min(search(q[None])[0] for _ in range(repeats)) for q in self.queries[:SINGLES]]
        latency_ms = 1_000 * float(np.median(alone))
        return Measured(plan, recall, qps, latency_ms, built.memory_bytes, built.seconds)


@contextmanager
def workload(vectors: Vectors, queries: Queries, k: int) -> Iterator[Workload]:
    """Lay a workload out in a temporary folder."""
    with TemporaryDirectory() as folder:
        yield Workload(Path(folder), vectors, queries, k)


def measure(
    workload: Workload, plan: Plan, target: Target = Target(), bar: float = 0.0
) -> Iterator[Measured]:
    """Build one kind and yield it at rising effort, then near the effort that reaches the recall.

    bar: queries per second that something which meets the target has reached: searching harder
        only gets slower, so whoever falls below it without the wanted recall is given up.
    """
    built = workload.build(plan.kind)
    reached = 0  # where the group before stopped: those in front of it find less
    for group in efforts(plan):
        before: Measured | None = None
        first = max(0, reached - 1)
        for place, trial in enumerate(group[first:], first):
            reached = place
            row = workload.run(built, trial)
            log.info("%s: recall %.4f at %.0f queries a second", trial, row.recall, row.qps)
            yield row
            if target.recall is not None and row.recall >= target.recall:
                if place == 0:
                    return  # refining more cannot spare a probe: it is only slower
                if before is not None:
                    yield from _closer(workload, built, before.plan, row.plan, target.recall)
                break
            if before is None and row.qps < bar:
                return  # and every group after this one is slower still
            stuck = before is not None and row.recall - before.recall < 1 - ENOUGH
            if row.recall > ENOUGH or stuck or row.qps < bar:
                break
            before = row


def _closer(
    workload: Workload, built: Built, low: Plan, high: Plan, recall: float
) -> Iterator[Measured]:
    """Halve the way between an effort that misses the recall and one that reaches it."""
    middle = between(low, high)
    while middle is not None:
        row = workload.run(built, middle)
        yield row
        low, high = (low, middle) if row.recall >= recall else (middle, high)
        middle = between(low, high)
