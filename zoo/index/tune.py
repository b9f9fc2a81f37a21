"""Choosing a plan by measuring candidates on a sample."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from zoo.index.candidates import candidates, cells_for, memory_bytes
from zoo.index.layout import Plan
from zoo.index.measure import Measured, Queries, Vectors, measure, workload
from zoo.index.target import Target
from zoo.progress import Track, silent

SAMPLE = 200_000  # vectors that candidates are built on
QUERIES = 1_000


def tune(
    vectors: Vectors,
    queries: Queries | None,
    target: Target,
    track: Track = silent,
    *,
    sample: int = SAMPLE,
) -> tuple[Plan, list[Measured]]:
    """Build candidates on a sample, measure them at rising effort, and choose one.

    queries: vectors like those that will be asked (texts, for images searched by text); None
        holds some of the vectors back.

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
    plans = candidates(len(base), base.shape[1])
    if target.memory_bytes is not None:
        plans = _affordable(plans, target.memory_bytes, len(vectors), base.shape[1])
    scale = len(vectors) / len(base)
    rows: list[Measured] = []
    with workload(base, queries, target.k) as laid:
        for plan in track(plans, "tune", len(plans)):
            bar = max((row.qps for row in rows if row.meets(target)), default=0.0)
            found = measure(laid, plan, target, bar if target.recall is not None else 0.0)
            rows += [replace(r, memory_bytes=int(r.memory_bytes * scale)) for r in found]
    return rescaled(choose(rows, target).plan, len(base), len(vectors)), rows


def choose(rows: Sequence[Measured], target: Target) -> Measured:
    """Return the fastest row that meets the target, else the one that comes nearest to its recall.

    Without a wanted recall, the row of best recall among those that meet the rest.
    """
    fulfilling = [row for row in rows if row.meets(target)]
    if not fulfilling:
        affordable = [row for row in rows if row.meets(replace(target, recall=None))]
        return max(affordable or rows, key=lambda row: (row.recall, row.qps))
    if target.recall is None:
        return max(fulfilling, key=lambda row: (round(row.recall, 3), row.qps))
    return max(fulfilling, key=lambda row: row.qps)


def rescaled(plan: Plan, measured_on: int, count: int) -> Plan:
    """Return the plan for all vectors: as many more cells, and cells visited, as they need."""
    if measured_on == count or "IVF" not in plan.kind:
        return plan
    cells = int(plan.kind[3:].split(",")[0])
    factor = max(1, round(cells_for(count, 2) / cells_for(measured_on, 2)))
    kind = plan.kind.replace(f"IVF{cells}", f"IVF{cells * factor}")
    return replace(plan, kind=kind, nprobe=plan.nprobe * max(1, round(factor**0.5)))


def _affordable(plans: Sequence[Plan], limit: int, count: int, dim: int) -> list[Plan]:
    """The plans that will fit into so much memory, or the smallest of them."""
    sizes = {plan: memory_bytes(plan.kind, count, dim) for plan in plans}
    return [p for p in plans if sizes[p] <= limit] or [min(plans, key=lambda p: sizes[p])]
