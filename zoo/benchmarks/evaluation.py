"""Time and memory of exact evaluation against a large gallery on disk."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor

from zoo.device import memory_peak
from zoo.embedding.store import MANIFEST, SUMS, VECTORS, Identity, append_rows, open_store
from zoo.evaluation.queries import Task
from zoo.evaluation.vectors import measure
from zoo.files import write_json
from zoo.metrics.summary import summarise
from zoo.progress import Track, silent
from zoo.search.scan import Scan, score_blocks

PER_CLASS = 10
CHUNK = 2**15


@dataclass(frozen=True)
class Sizes:
    """How many vectors are searched and ask, their width, and the seed of both."""

    gallery: int = 1_000_000
    queries: int = 10_000
    dim: int = 512
    seed: int = 0


def bench_evaluation(
    folder: Path, sizes: Sizes = Sizes(), track: Track = silent
) -> dict[str, float]:
    """Evaluate random unit vectors against memory-mapped ones, ten per class.

    Returns seconds (and CPU seconds, of all threads), those of the similarities alone (the floor,
    from a tenth of the queries), and the process's peak memory in GB. A vector is its class's
    centre plus noise, so that neither everything nor nothing is found.
    """
    gallery, queries = sizes.gallery, sizes.queries
    classes = gallery // PER_CLASS
    labels = torch.arange(gallery) % classes
    generator = torch.Generator().manual_seed(sizes.seed)
    centres = torch.nn.functional.normalize(torch.randn(classes, sizes.dim, generator=generator))
    _write(folder, labels, centres, generator)
    wanted = torch.randint(classes, (queries,), generator=generator)
    asked = _noisy(centres[wanted], generator)
    del centres
    positions = torch.arange(queries) + gallery
    task = Task("bench", "", positions, torch.arange(gallery), itself=False)
    everything = torch.cat([labels, wanted])[:, None]
    stored = open_store(folder)
    timings: dict[str, float] = {}
    with _timed(timings, "similarities_seconds"):
        _similarities(asked[: queries // 10], stored)
    for name in timings:
        timings[name] *= queries / max(1, queries // 10)
    with _timed(timings, "seconds"):
        values = measure(score_blocks(asked, stored, scan=Scan(track=track)), everything, task)
    for name in (VECTORS, SUMS):
        (folder / name).unlink()
    return {**timings, "peak_memory_gb": memory_peak() / 1e9, **summarise(values)}


def _write(folder: Path, labels: Tensor, centres: Tensor, generator: torch.Generator) -> None:
    identity = Identity("bench", "bench", len(labels), centres.shape[1])
    write_json(folder / MANIFEST, asdict(identity))
    parts = (_noisy(centres[part], generator) for part in torch.split(labels, CHUNK))
    append_rows(folder, parts, identity.dim)


def _noisy(vectors: Tensor, generator: torch.Generator) -> Tensor:
    noise = torch.randn(vectors.shape, generator=generator) / vectors.shape[1] ** 0.5
    return torch.nn.functional.normalize(vectors + 2.5 * noise, dim=1)


def _similarities(queries: Tensor, gallery: Tensor) -> None:
    for _ in score_blocks(queries, gallery):
        pass


@contextmanager
def _timed(timings: dict[str, float], name: str) -> Iterator[None]:
    start, cpu = time.perf_counter(), time.process_time()
    yield
    timings[name] = time.perf_counter() - start
    timings[f"cpu_{name}"] = time.process_time() - cpu
