"""What 100 million or a billion items would take: constants measured here, and multiplied.

A query costs a shard a fixed time, its centroids and the codes of the cells it visits; both rates
are fitted to measured searches. An answer waits for the slowest of the shards: a tail is drawn from
the measured scatter of one shard, the largest of as many draws as there are shards. Both are
checked against shards that were built and searched; asking them costs what it cost elsewhere.
"""

import math
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float64

from zoo.benchmarks.index import clustered
from zoo.embedding.vector_file import VECTORS, write_vectors
from zoo.index import engine
from zoo.index.layout import Plan
from zoo.index.segment import CODES, Searcher

SIZES = (100_000_000, 1_000_000_000)
PROBES = (1, 4, 16, 64)
QUERIES = 400
DRAWS = 100_000
K = 10


@dataclass(frozen=True)
class Scale:
    """What is measured, and what is asked.

    count, dim: of the vectors built here. shards: that the check divides them into, and answers
    of the large index wait for. rate: embeddings a second of one worker. workers: how many embed.
    ask: milliseconds that each shard of Ray Serve's adds to a query, however little it holds: what
    `bench spread` told of four shards of a million items on a 2-core CPU.
    """

    count: int = 200_000
    dim: int = 128
    shards: int = 4
    rate: float = 100.0
    workers: int = 16
    ask: float = 2.4
    seed: int = 0


@dataclass(frozen=True)
class Rates:
    """Measured: seconds of a query whatever it finds, of a centroid, of a code; and its scatter.

    scatter: latencies of one shard at one effort, each divided by their median.
    """

    fixed: float
    centroid: float
    code: float
    assigned: float
    scatter: Float64[np.ndarray, " query"]

    def query(self, cells: int, codes: float) -> float:
        """Return a shard's median seconds for a query."""
        return self.fixed + self.centroid * cells + self.code * codes


def bench_scale(scale: Scale = Scale()) -> dict[str, Any]:
    """Return measured rates, the check of what they predict, and tables for the large sizes."""
    vectors = clustered(scale.count + QUERIES, scale.dim, scale.seed)
    base, queries = vectors[: scale.count], vectors[scale.count :]
    each = scale.count // scale.shards
    cells = 2 ** round(math.log2(2 * math.sqrt(each)))
    kind = f"IVF{cells},PQ{scale.dim // 4}x4fs"
    with tempfile.TemporaryDirectory() as folder:
        trained = engine.train(kind, base)
        engine.write(trained, Path(folder) / "trained")
        homes = [Path(folder) / str(n) for n in range(scale.shards)]
        parts = [base[n * each : (n + 1) * each] for n in range(scale.shards)]
        for home, part in zip(homes, parts, strict=True):
            _write(home, part, Path(folder) / "trained", kind)
        shards = [Searcher(home, each, scale.dim, kind) for home in homes]
        measured = {p: _latencies(shards[0], queries, Plan(kind, nprobe=p)) for p in PROBES}
        rates = _fitted(measured, cells, each, _assignment(trained, base))
        whole = np.stack([_latencies(s, queries, Plan(kind, nprobe=PROBES[2])) for s in shards])
    return {
        "count": scale.count,
        "dim": scale.dim,
        "kind": kind,
        "shards": scale.shards,
        "check": _check(rates, measured, whole, scale, cells),
        "sizes": [simulated(size, scale, rates) for size in SIZES],
    }


def simulated(count: int, scale: Scale, rates: Rates) -> dict[str, float | int]:
    """Return what an index of `count` items in `scale.shards` shards would take."""
    cells, each = 2 ** round(math.log2(4 * math.sqrt(count))), count / scale.shards
    visited = PROBES[-1]
    median = rates.query(cells, visited * each / cells)
    p50, p99 = tail(rates.scatter, scale.shards, scale.seed) * median
    return {
        "items": count,
        "embedding_h": count / scale.rate / scale.workers / 3_600,
        "assignment_h": count * cells * rates.assigned / scale.shards / 3_600,
        "cells": cells,
        "list": round(each / cells),
        "codes_a_query": round(visited * each / cells),
        "memory_gb_a_shard": each * (scale.dim / 8 + 8) / 1e9 + 4 * scale.dim * cells / 1e9,
        "p50_ms": 1_000 * float(p50) + scale.ask * scale.shards,
        "p99_ms": 1_000 * float(p99) + scale.ask * scale.shards,
    }


def tail(
    scatter: Float64[np.ndarray, " query"], shards: int, seed: int = 0
) -> Float64[np.ndarray, "2"]:
    """Return median and 99th percentile of the largest of `shards` independent draws."""
    draws = np.random.default_rng(seed).choice(scatter, (DRAWS, shards))
    found: Float64[np.ndarray, 2] = np.quantile(draws.max(axis=1), [0.5, 0.99])
    return found


def _write(home: Path, part: Any, trained: Path, kind: str) -> None:
    home.mkdir()
    write_vectors(home / VECTORS, [part], *part.shape)
    codes = engine.open_trained(trained, kind, part.shape[1])
    engine.add(codes, part)
    engine.write(codes, home / CODES)


def _latencies(shard: Searcher, queries: Any, plan: Plan) -> Float64[np.ndarray, " query"]:
    """Return seconds of each query, one at a time."""
    shard.search(queries[:16], K, plan)  # the first ones map pages
    found = np.empty(len(queries))
    for place, query in enumerate(queries):
        began = time.perf_counter()
        shard.search(query[None], K, plan)
        found[place] = time.perf_counter() - began
    return found


def _assignment(trained: Any, base: Any) -> float:
    """Return seconds for comparing one vector with one centroid, many at once."""
    some = np.ascontiguousarray(base[:20_000])
    began = time.perf_counter()
    trained.quantizer.search(some, 1)
    return (time.perf_counter() - began) / (len(some) * int(trained.nlist))


def _fitted(
    measured: dict[int, Float64[np.ndarray, " query"]], cells: int, each: int, assigned: float
) -> Rates:
    """Fit seconds a code to the medians; a centroid costs what assignment says."""
    codes = [probes * each / cells for probes in measured]
    medians = [float(np.median(found)) for found in measured.values()]
    code, rest = np.polyfit(codes, medians, 1)
    middle = measured[PROBES[2]]
    fixed = max(0.0, float(rest) - assigned * cells)
    return Rates(fixed, assigned, max(0.0, float(code)), assigned, middle / np.median(middle))


def _check(
    rates: Rates,
    measured: dict[int, Float64[np.ndarray, " query"]],
    whole: Float64[np.ndarray, "shard query"],
    scale: Scale,
    cells: int,
) -> list[dict[str, float | str]]:
    """Return what was predicted beside what was measured, milliseconds."""
    each = scale.count // scale.shards
    rows: list[dict[str, float | str]] = [
        {
            "what": f"one shard, {probes} cells, median",
            "predicted_ms": 1_000 * rates.query(cells, probes * each / cells),
            "measured_ms": 1_000 * float(np.median(found)),
        }
        for probes, found in measured.items()
    ]
    median = rates.query(cells, PROBES[2] * each / cells)
    predicted = tail(rates.scatter, scale.shards, scale.seed) * median
    slowest = np.quantile(whole.max(axis=0), [0.5, 0.99])
    for name, ours, theirs in zip(("p50", "p99"), predicted, slowest, strict=True):
        what = f"slowest of {scale.shards} shards, {PROBES[2]} cells, {name}"
        row = {"predicted_ms": 1_000 * float(ours), "measured_ms": 1_000 * float(theirs)}
        rows.append({"what": what, **row})
    return rows
