"""Choosing a plan by measuring: recall against exact search, speed, memory, build time."""

import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from jaxtyping import Float32, Int64

from zoo.errors import UsageError
from zoo.index import engine
from zoo.index.candidates import candidates, cells_for, efforts, memory_bytes
from zoo.index.plan import Plan
from zoo.index.segment import CODES, VECTORS, write_vectors
from zoo.progress import Track, silent

SAMPLE = 200_000  # vectors that candidates are built on
QUERIES = 1_000
SINGLES = 50  # queries asked one by one for the latency
REPEATS = 3  # the best of them: other work on the machine only ever slows a search down
ENOUGH = 0.9995  # recall past which searching harder is not tried

Vectors = Float32[np.ndarray, "item dim"]
Queries = Float32[np.ndarray, "query dim"]


@dataclass(frozen=True)
class Wish:
    """What the user asks for; None means no matter.

    recall: share of the k true neighbours found. latency_ms: of one query alone.
    """

    recall: float | None = None
    memory_bytes: int | None = None
    latency_ms: float | None = None
    k: int = 10


@dataclass(frozen=True)
class Measured:
    """One candidate at one effort: queries per second in one batch, milliseconds alone."""

    plan: Plan
    recall: float
    qps: float
    latency_ms: float
    memory_bytes: int
    build_s: float

    def fulfils(self, wish: Wish) -> bool:
        """Whether everything asked for is there."""
        return (
            (wish.recall is None or self.recall >= wish.recall)
            and (wish.memory_bytes is None or self.memory_bytes <= wish.memory_bytes)
            and (wish.latency_ms is None or self.latency_ms <= wish.latency_ms)
        )

    def to_json(self) -> dict[str, Any]:
        """Return a row of the table that the index keeps."""
        return {"plan": str(self.plan), **{k: v for k, v in asdict(self).items() if k != "plan"}}


def parse_bytes(text: str) -> int:
    """Read a size such as `2GB`, `512 MiB` or `1000000`.

    Raises:
        UsageError: it is none.

    >>> parse_bytes("1.5kB"), parse_bytes("2 GiB")
    (1500, 2147483648)
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kmgt]?)(i?)b?\s*", text.lower())
    if not found:
        raise UsageError(f"size {text!r} is none", "write for example 2GB or 512MiB")
    unit = 1024 if found[3] else 1000
    return int(float(found[1]) * unit ** " kmgt".index(found[2] or " "))


def tune(
    vectors: Vectors,
    queries: Queries | None,
    wish: Wish,
    track: Track = silent,
    *,
    sample: int = SAMPLE,
    kinds: Sequence[Plan] | None = None,
) -> tuple[Plan, list[Measured]]:
    """Build candidates on a sample, measure them at rising effort, and choose one.

    queries: vectors like those that will be asked (texts, for pictures searched by text); None
        holds some of the vectors back. kinds: try these instead of `candidates`.

    Returns the plan for all the vectors, and the whole table.
    """
    order = np.random.default_rng(0).permutation(len(vectors))
    if queries is None:
        held = min(QUERIES, len(vectors) // 10 or 1)
        queries, order = (
            vectors[np.sort(order[:held])],
            order[held:] if len(order) > held else order,
        )
    base = np.ascontiguousarray(vectors[np.sort(order[:sample])])
    plans = list(kinds) if kinds is not None else candidates(len(base), base.shape[1])
    limit = wish.memory_bytes
    if limit is not None:
        dim = base.shape[1]
        small = [p for p in plans if memory_bytes(p.kind, len(vectors), dim) <= limit]
        plans = small or [min(plans, key=lambda p: memory_bytes(p.kind, len(vectors), dim))]
    tried = track(plans, "tune", len(plans))
    rows = [row for plan in tried for row in measure(base, queries, plan, wish.k)]
    scale = len(vectors) / len(base)
    rows = [replace(row, memory_bytes=int(row.memory_bytes * scale)) for row in rows]
    return rescaled(choose(rows, wish).plan, len(base), len(vectors)), rows


def choose(rows: Sequence[Measured], wish: Wish) -> Measured:
    """Return the fastest row that fulfils the wish, else the one that comes nearest to its recall.

    Without a wished recall, the row of best recall among those that fulfil the rest.
    """
    fulfilling = [row for row in rows if row.fulfils(wish)]
    if not fulfilling:
        affordable = [row for row in rows if row.fulfils(replace(wish, recall=None))]
        return max(affordable or rows, key=lambda row: (row.recall, row.qps))
    if wish.recall is None:
        return max(fulfilling, key=lambda row: (round(row.recall, 3), row.qps))
    return max(fulfilling, key=lambda row: row.qps)


def measure(vectors: Vectors, queries: Queries, plan: Plan, k: int) -> Iterator[Measured]:
    """Build one kind in a temporary folder, mapped as it will be, and yield it at rising effort."""
    truth = engine.exact(vectors, queries, k)[1]
    count, dim = vectors.shape
    with TemporaryDirectory() as name:
        folder = Path(name)
        write_vectors(folder / VECTORS, [vectors], count, dim)
        flat = index = engine.open_flat(folder / VECTORS, count, dim)
        started = time.perf_counter()
        if plan.kind != "Flat":
            built = engine.train(plan.kind, vectors)
            engine.add(built, vectors)
            engine.write(built, folder / CODES)
            index = engine.open_coded(folder / CODES, plan.kind, flat)
        build_s = time.perf_counter() - started
        memory = resident_bytes(folder, plan.kind)
        for group in efforts(plan):
            before = -1.0
            for trial in group:
                recall, qps, latency_ms = _trial(index, flat, trial, queries, truth)
                yield Measured(trial, recall, qps, latency_ms, memory, build_s)
                if recall > ENOUGH or recall - before < 1 - ENOUGH:
                    break
                before = recall


def resident_bytes(folder: Path, kind: str) -> int:
    """What searching keeps in memory: the codes, and the vectors if it scans or hops over them."""
    codes = (folder / CODES).stat().st_size if kind != "Flat" else 0
    walked = kind == "Flat" or kind.startswith("HNSW")
    return codes + ((folder / VECTORS).stat().st_size if walked else 0)


def rescaled(plan: Plan, measured_on: int, count: int) -> Plan:
    """Return the plan for all vectors: as many more cells, and cells visited, as they need."""
    if measured_on == count or "IVF" not in plan.kind:
        return plan
    cells = int(plan.kind[3:].split(",")[0])
    factor = max(1, round(cells_for(count, 2) / cells_for(measured_on, 2)))
    kind = plan.kind.replace(f"IVF{cells}", f"IVF{cells * factor}")
    return replace(plan, kind=kind, nprobe=plan.nprobe * max(1, round(factor**0.5)))


def _trial(
    index: Any, flat: Any, plan: Plan, queries: Queries, truth: Int64[np.ndarray, "query k"]
) -> tuple[float, float, float]:
    """Return recall, queries per second in one batch, and milliseconds of a query alone."""
    everything = np.ones(flat.ntotal, bool)
    k = truth.shape[1]

    def search(batch: Queries) -> tuple[float, Int64[np.ndarray, "query k"]]:
        started = time.perf_counter()
        found = engine.search(index, flat, plan, batch, k, everything)[1]
        return time.perf_counter() - started, found

    runs = [search(queries) for _ in range(REPEATS)]
    found = runs[0][1]
    hits = sum(len(np.intersect1d(a, b)) for a, b in zip(found, truth, strict=True))
    alone = [min(search(query[None])[0] for _ in range(REPEATS)) for query in queries[:SINGLES]]
    qps = len(queries) / min(seconds for seconds, _ in runs)
    return hits / truth.size, qps, 1_000 * float(np.median(alone))
