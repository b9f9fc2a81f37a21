"""Large batches in one pass and in two: time and memory of an update's gradient."""

import multiprocessing
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass

import torch
from torch import Tensor, nn

from zoo.device import memory_held, memory_peak, restart_memory_peak
from zoo.losses import RecallAtK
from zoo.models import Embedder, EmbedderConfig
from zoo.progress import Track, silent
from zoo.training.step import accumulate_gradient, replayable

PER_CLASS = 4
# Images of a first, uncounted gradient: a whole batch would leave its memory with the allocator,
# where the one that counts finds it and seems to need nothing (seen once: 8 MB instead of 70).
WARM_UP = 8


@dataclass(frozen=True)
class Cost:
    """Best seconds of a gradient, and the memory it took above model and images."""

    seconds: float
    extra_mb: float | None


@dataclass(frozen=True)
class Network:
    """What embeds: a timm architecture at an input of `size` px; the best of `repeats` counts."""

    architecture: str = "resnet18"
    size: int = 96
    repeats: int = 3


def benchmark_batches(
    sizes: Sequence[int] = (64, 256, 1024),
    *,
    chunk: int = 64,
    network: Network = Network(),
    track: Track = silent,
) -> list[dict[str, float | int | None]]:
    """Time RS@k's gradient over random images, whole and in chunks of `chunk`.

    Every measurement has a process of its own, so that none inherits another's memory.
    """
    rows = []
    for batch in track(sizes, "batches", len(sizes)):
        one, two = (_apart(batch, part, network) for part in (batch, chunk))
        row = {f"one_pass_{name}": value for name, value in asdict(one).items()}
        row |= {f"two_pass_{name}": value for name, value in asdict(two).items()}
        rows.append({"batch": batch, **row, "times": two.seconds / one.seconds})
    return rows


def _apart(batch: int, chunk: int, network: Network) -> Cost:
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(gradient_cost, batch, chunk, network).result()


def gradient_cost(batch: int, chunk: int, network: Network) -> Cost:
    """Measure in this process; the first gradient warms up and is not timed."""
    torch.manual_seed(0)
    size = network.size
    model = Embedder(EmbedderConfig(network.architecture).at_size(size)).train()
    images, labels = torch.randn(batch, 3, size, size), torch.arange(batch) // PER_CLASS
    _gradient(model, images[:WARM_UP], labels[:WARM_UP], WARM_UP)
    restart_memory_peak()
    before = memory_held()
    seconds = []
    for _ in range(network.repeats):
        start = time.perf_counter()
        _gradient(model, images, labels, chunk)
        seconds.append(time.perf_counter() - start)
    extra = None if before is None else max(0, memory_peak() - before) / 2**20
    return Cost(min(seconds), extra)


def _gradient(model: nn.Module, images: Tensor, labels: Tensor, chunk: int) -> None:
    parts, loss = torch.split(images, chunk), RecallAtK(ks=(1, 2, 4))
    model.zero_grad()

    def embed(number: int) -> Tensor:
        with replayable(0, number):
            embeddings: Tensor = model(parts[number])
        return embeddings

    accumulate_gradient(model, embed, len(parts), lambda points: loss(points, labels))
