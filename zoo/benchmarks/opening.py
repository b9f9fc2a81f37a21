"""What opening a large index costs in a fresh process, and what searching then loads."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import torch

from zoo.index import Index, ModelIdentity, Plan, Record

PROBE = """
import json, sys, time
from pathlib import Path
import torch
from zoo.index import Index, engine

def resident(name):
    status = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1000 for line in status if line.startswith(name))

engine.faiss()  # importing it is not opening an index
before = resident("VmRSS")
started = time.perf_counter()
index = Index.open(Path(sys.argv[1]))
found = {"open_s": time.perf_counter() - started, "opened_mb": resident("VmRSS") - before}
queries = torch.randn(int(sys.argv[2]), index.manifest.dim)
started = time.perf_counter()
for query in queries:
    index.search(query[None])
found["search_ms"] = 1_000 * (time.perf_counter() - started) / len(queries)
found["searched_mb"] = resident("VmRSS") - before
found["mapped_mb"] = resident("RssFile")
print(json.dumps(found))
"""


def bench_opening(
    folder: Path,
    count: int = 1_000_000,
    dim: int = 512,
    kind: str = "IVF1024,PQ128x4fs",
    queries: int = 100,
) -> dict[str, Any]:
    """Build an index of random vectors in `folder`, then open and search it in a fresh process.

    Memory is what the process has more than before, in MB; `mapped_mb` are file pages, which the
    system takes back when it needs them. Linux only: it reads /proc.
    """
    vectors = torch.randn(count, dim, generator=torch.Generator().manual_seed(0))
    records = [Record(f"{number}.jpg", f"{number}") for number in range(count)]
    refine = 4 if "PQ" in kind else 0
    plan = Plan(kind, refine=refine)
    index = Index.from_vectors(folder, vectors, records, ModelIdentity("bench", "0", {}), plan=plan)
    del vectors, records
    command = [sys.executable, "-c", PROBE, str(folder), str(queries)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    size = index.info()["bytes"] / 1e6
    facts = {"count": count, "dim": dim, "kind": kind, "on_disk_mb": size, "queries": queries}
    return {**facts, **json.loads(done.stdout)}
