"""The tuner's choice beside hand-written factory strings and the classic quantised one."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float32

from zoo.index.plan import Plan
from zoo.index.tune import Measured, Wish, measure, tune
from zoo.progress import Track, silent

RECALL = 0.99
BY_HAND = (
    Plan("HNSW48"),
    Plan("IVF1024,PQ128x4fs", refine=2),
    Plan("IVF512,PQ64x4fs", refine=2),
    Plan("IVF4096,PQ64x4fs", refine=2),
)
QUANTISED = Plan("OPQ32_128,IVF1024,PQ32x8")  # the family autofaiss chooses from
CLUSTERS = 1_000
SPREAD = 0.7  # standard deviation inside a cluster; between centres it is 1


def clustered(count: int, dim: int, seed: int = 0) -> Float32[np.ndarray, "item dim"]:
    """Unit vectors around random centres: what embeddings of many classes look like."""
    random = np.random.default_rng(seed)
    centres = random.standard_normal((CLUSTERS, dim), dtype=np.float32)
    noise = random.standard_normal((count, dim), dtype=np.float32)
    points = centres[random.integers(0, CLUSTERS, count)] + np.float32(SPREAD) * noise
    unit: Float32[np.ndarray, "item dim"] = points / np.linalg.norm(points, axis=1, keepdims=True)
    return unit


def bench_index(
    count: int = 200_000,
    dim: int = 256,
    seed: int = 0,
    by_hand: Sequence[Plan] = BY_HAND,
    quantised: Plan | None = QUANTISED,
    track: Track = silent,
) -> dict[str, Any]:
    """Tune for recall@10 >= 0.99 and compare with everything else, all measured alike.

    `ratio_by_hand`: the choice's queries per second over the best hand-written string's at that
    recall; `ratio_quantised`: over the quantised index's, at the recall that one reaches.
    """
    vectors = clustered(count, dim, seed)
    held = min(1_000, count // 10)
    queries, base = vectors[:held], vectors[held:]
    wish = Wish(recall=RECALL)
    plan, tuned = tune(base, queries, wish, track, sample=len(base))
    chosen = next(row for row in tuned if row.plan == plan)
    others = track(by_hand, "by hand", len(by_hand))
    hand = [row for plan in others for row in measure(base, queries, plan, wish.k)]
    rivals = [row for row in (*tuned, *hand) if row.fulfils(wish)]
    best = max(rivals, key=lambda row: row.qps)
    result: dict[str, Any] = {
        "count": len(base),
        "dim": dim,
        "seed": seed,
        "chosen": chosen.to_json(),
        "best": best.to_json(),
        "ratio_by_hand": chosen.qps / best.qps,
        "tuner": [row.to_json() for row in tuned],
        "by_hand": [row.to_json() for row in hand],
    }
    if quantised is not None:
        rows = list(measure(base, queries, quantised, wish.k))
        result |= {"quantised": [row.to_json() for row in rows], **_against(rows, tuned)}
    return result


def _against(quantised: Sequence[Measured], tuned: Sequence[Measured]) -> dict[str, float]:
    """Compare with the quantised index at the best recall it reaches."""
    top = max(quantised, key=lambda row: (row.recall, row.qps))
    equal = max((row for row in tuned if row.recall >= top.recall), key=lambda row: row.qps)
    return {
        "ratio_quantised": equal.qps / top.qps,
        "recall_quantised": top.recall,
        "build_s_quantised": top.build_s,
        "build_s_equal": equal.build_s,
    }
