"""The tuner's choice beside hand-written factory strings and the quantised one of autofaiss."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float32

from zoo.index.layout import Plan
from zoo.index.measure import Measured, Workload, measure, workload
from zoo.index.target import Target
from zoo.index.tune import tune
from zoo.progress import Track, silent

TARGET = Target(recall=0.99)
QUERIES = 2_000
CLUSTERS = 1_000
SPREAD = 0.7  # standard deviation inside a cluster; between centres it is 1
ROUNDS = 7


def clustered(
    count: int, dim: int, seed: int = 0, part: int = 0
) -> Float32[np.ndarray, "item dim"]:
    """Unit vectors around random centres: what embeddings of many classes look like.

    part: others of the same set, around the same centres.
    """
    random = np.random.default_rng(seed)
    centres = random.standard_normal((CLUSTERS, dim), dtype=np.float32)
    if part:
        random = np.random.default_rng((seed, part))
    noise = random.standard_normal((count, dim), dtype=np.float32)
    points = centres[random.integers(0, CLUSTERS, count)] + np.float32(SPREAD) * noise
    unit: Float32[np.ndarray, "item dim"] = points / np.linalg.norm(points, axis=1, keepdims=True)
    return unit


def by_hand(dim: int) -> list[Plan]:
    """Strings that people write for a few hundred thousand vectors.

    The last is also what autofaiss takes where memory is no matter.
    """
    coded = [("IVF256", "SQ8"), ("IVF512", f"PQ{dim // 8}x4fs"), ("IVF1024", f"PQ{dim // 4}x8")]
    plans = [Plan(f"{cells},{codes}", refine=2) for cells, codes in coded]
    return [*plans, Plan("IVF512,SQ8"), Plan("IVF512,Flat"), Plan("HNSW32")]


def quantised(count: int, dim: int, codes: int) -> Plan:
    """What autofaiss 2.18 writes for under a million vectors that must shrink to `codes` bytes.

    Near 4 sqrt(n) cells, found by a graph from 1,000 cells on; a rotation to a little more than
    the vectors' own width, at most seven numbers a code.
    """
    cells = 2 ** round(math.log2(4 * math.sqrt(count)))
    graph = "_HNSW32" if cells >= 1_000 else ""
    return Plan(f"OPQ{codes}_{(min(dim // codes, 6) + 1) * codes},IVF{cells}{graph},PQ{codes}x8")


@dataclass(frozen=True)
class Points:
    """Clustered vectors: how many, how wide, from which seed."""

    count: int = 200_000
    dim: int = 256
    seed: int = 0


def bench_index(
    points: Points = Points(),
    *,
    rivals: Sequence[Plan] | None = None,
    codes: int = 0,
    track: Track = silent,
) -> dict[str, Any]:
    """Tune for recall@10 >= 0.99 and compare with others, all measured alike.

    rivals: hand-written plans; None takes those of `by_hand`.
    codes: compare with autofaiss's quantised index of so many bytes a vector instead, which takes
        minutes to train.

    `ratio_by_hand`: the choice's queries per second over the best hand-written string's at that
    recall, searched in turn. `ratio_autofaiss`: those of the fastest measured plan (`equal`) over
    autofaiss's at the best recall that one reaches; `build_s`: seconds of both.
    """
    dim, seed = points.dim, points.seed
    vectors = clustered(points.count, dim, seed)
    held = min(QUERIES, points.count // 10)
    queries, base = vectors[:held], vectors[held:]
    plan, tuned = tune(base, queries, TARGET, track, sample=len(base))
    result: dict[str, Any] = {"count": len(base), "dim": dim, "seed": seed, "chosen": str(plan)}
    result["tuner"] = [row.to_json() for row in tuned]
    with workload(base, queries, TARGET.k) as laid:
        if codes:
            return result | _beside_autofaiss(laid, quantised(len(base), dim, codes), tuned)
        return result | _beside_hand(laid, plan, rivals or by_hand(dim), track)


def _beside_hand(
    workload: Workload, ours: Plan, rivals: Sequence[Plan], track: Track
) -> dict[str, Any]:
    tried = track(rivals, "by hand", len(rivals))
    rows = [row for rival in tried for row in measure(workload, rival, TARGET)]
    best = max((row for row in rows if row.meets(TARGET)), key=lambda row: row.qps)
    return {
        "by_hand": [row.to_json() for row in rows],
        "best_by_hand": str(best.plan),
        "ratio_by_hand": duel(workload, ours, best.plan),
    }


def _beside_autofaiss(workload: Workload, plan: Plan, tuned: Sequence[Measured]) -> dict[str, Any]:
    rows = list(measure(workload, plan, TARGET))
    top = max(rows, key=lambda row: (row.recall, row.qps))
    equal = max((row for row in tuned if row.recall >= top.recall), key=lambda row: row.qps)
    return {
        "autofaiss": [row.to_json() for row in rows],
        "best_autofaiss": str(top.plan),
        "equal": str(equal.plan),
        "ratio_autofaiss": equal.qps / top.qps,
        "build_s": [equal.build_s, top.build_s],
    }


def duel(workload: Workload, ours: Plan, theirs: Plan, rounds: int = ROUNDS) -> float:
    """Search two plans in turn; return the ratio of their best queries per second."""
    pair = [(workload.build(plan.kind), plan) for plan in (ours, theirs)]
    runs = [[workload.run(*one, repeats=1).qps for one in pair] for _ in range(rounds)]
    best_ours, best_theirs = np.max(runs, axis=0)
    return float(best_ours / best_theirs)
