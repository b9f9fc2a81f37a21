"""Index kinds worth trying for so many vectors of such a width, and what each would cost."""

import math
import re
from collections.abc import Iterator
from dataclasses import replace

from zoo.index.engine import training_size
from zoo.index.layout import Plan

SMALL = 4_096  # below this, comparing with everything takes microseconds: nothing to gain
REFINES = (2, 4, 8, 16, 32)
EFFORTS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
BEAMS = (16, 32, 64, 128, 256, 512)


def candidates(count: int, dim: int) -> list[Plan]:
    """Return plans of every kind to build; `efforts` says how hard each may search.

    Which of them is best depends on size, recall and machine, so the tuner measures all of them.
    """
    flat = Plan("Flat")
    if count < SMALL:
        return [flat]
    few, many = (cells_for(count, factor) for factor in (1, 2))
    codes = [f"PQ{sub_quantisers(dim, each)}x4fs" for each in (4, 2)]
    coded = [(cells, code) for code in (*codes, "SQ8") for cells in (few, many)]
    return [
        flat,
        *(Plan(f"IVF{n},{code}", refine=REFINES[0]) for n, code in dict.fromkeys(coded)),
        Plan(f"IVF{many},Flat"),
        Plan("HNSW32"),
    ]


def efforts(plan: Plan) -> Iterator[list[Plan]]:
    """Yield groups of the same layout, each searched softly first, then harder and harder."""
    cells = re.search(r"IVF(\d+)", plan.kind)
    if plan.kind.startswith("HNSW"):
        yield [replace(plan, ef_search=beam) for beam in BEAMS]
    elif cells is None:
        yield [plan]
    else:
        probes = [n for n in EFFORTS if n <= int(cells[1])]
        for refine in REFINES if plan.refine else (0,):
            yield [replace(plan, nprobe=n, refine=refine) for n in probes]


def between(low: Plan, high: Plan) -> Plan | None:
    """Return the plan halfway between two efforts; None when they are within an eighth.

    >>> str(between(Plan("IVF64,SQ8", nprobe=8), Plan("IVF64,SQ8", nprobe=16)))
    'IVF64,SQ8 nprobe=12'
    """
    softer, harder = low.nprobe * low.ef_search, high.nprobe * high.ef_search
    probes, beam = (low.nprobe + high.nprobe) // 2, (low.ef_search + high.ef_search) // 2
    middle = replace(high, nprobe=probes, ef_search=beam)
    return None if 8 * harder <= 9 * softer or middle in (low, high) else middle


def cells_for(count: int, factor: int) -> int:
    """Power of two nearest to `factor` x sqrt(count), but at least 39 training vectors a cell."""
    wanted = 2 ** round(math.log2(factor * math.sqrt(count)))
    return int(min(wanted, 2 ** int(math.log2(count / 39))))


def sub_quantisers(dim: int, each: int) -> int:
    """How many codes of about `each` dimensions: the largest divisor of `dim` up to dim / each."""
    return max(n for n in range(1, max(1, dim // each) + 1) if dim % n == 0)


def memory_bytes(kind: str, count: int, dim: int) -> int:
    """What a search keeps in memory: the codes, and the vectors when it scans or hops over them.

    The vectors that refinement re-reads stay on disk, mapped: k x refine rows a query.
    """
    cells = re.search(r"IVF(\d+)", kind)
    centroids = 4 * dim * int(cells[1]) if cells else 0
    ids = 8 * count if cells else 0
    return centroids + ids + count * _bytes_each(kind, dim)


def _bytes_each(kind: str, dim: int) -> int:
    if kind.startswith("HNSW"):
        links = int(kind.removeprefix("HNSW"))
        return 4 * dim + 4 * 2 * links + 16  # 2 M neighbours below, few above, level and offset
    codes = re.search(r"PQ(\d+)(x4)?", kind)
    if codes:
        return int(codes[1]) // 2 if codes[2] else int(codes[1])
    return dim if "SQ8" in kind else dim // 2 if "SQ4" in kind else 4 * dim


def described(plan: Plan, count: int, dim: int) -> dict[str, int | str]:
    """Return what building a candidate would take, for a dry run."""
    return {
        "kind": plan.kind,
        "memory_bytes": memory_bytes(plan.kind, count, dim),
        "disk_bytes": 4 * count * dim + memory_bytes(plan.kind, count, dim) * (plan.kind != "Flat"),
        "training_vectors": min(count, training_size(plan.kind)),
    }
