"""How fast training runs beside what bounds it: decoding alone, the network alone."""

import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from zoo.data.dataset import read_dataset
from zoo.data.synthetic.scene_drawing import background
from zoo.models import Embedder, EmbedderConfig
from zoo.recipes.own_images import own_recipe
from zoo.recipes.recipe import Batch, Schedule
from zoo.runs.options import RunOptions
from zoo.training.distributed import World
from zoo.training.loader import Loader, StepBatch
from zoo.training.loop import build_objective
from zoo.training.trainer import Trainer


@dataclass(frozen=True)
class Throughput:
    """Images a second of each part alone and of training; `share` is training / the slower part."""

    architecture: str
    size: int
    workers: int
    decode_per_s: float
    network_per_s: float
    training_per_s: float
    share: float

    def to_json(self) -> dict[str, float | int | str]:
        """Return plain values."""
        return asdict(self)


@dataclass(frozen=True)
class Update:
    """What is trained on what: network, input side, photos' size, loading processes, batch."""

    architecture: str = "resnet18"
    size: int = 96
    photo: tuple[int, int] = (640, 480)
    workers: int = 1
    batch: int = 32


def benchmark_training(folder: Path, update: Update = Update(), steps: int = 6) -> Throughput:
    """Train on textured JPEGs written into `folder`; every part does `steps` batches.

    The first batches are not timed: they start the workers and fill their queues.
    """
    architecture, size, workers = update.architecture, update.size, update.workers
    batch = update.batch
    for number in range(batch // 4):
        _write_photos(folder / f"class{number}", 4, *update.photo)
    recipe = replace(
        own_recipe(architecture, "recall_at_k"),
        batch=Batch(batch, per_class=4),
        schedule=Schedule(steps=3 * steps + 8),
    )
    items = read_dataset(folder)
    model = Embedder(EmbedderConfig(architecture).at_size(size))
    shape = model.config.preprocessing
    loader = Loader(recipe, items, shape, World(), RunOptions(workers=workers))
    objective = build_objective(recipe, items, World(), model.dim, None)
    trainer = Trainer(model, loader, objective, torch.device("cpu"))
    held = next(loader.batches())

    def work(batch: StepBatch) -> None:
        trainer.update(1, batch)

    decode = _rate(loader.batches(), steps, batch, lambda _: None)
    network = _rate(iter([held] * (steps + 2)), steps, batch, work)
    training = _rate(loader.batches(), steps, batch, work)
    share = training / min(decode, network)
    return Throughput(architecture, size, workers, decode, network, training, share)


def _write_photos(folder: Path, count: int, width: int, height: int) -> None:
    """Write JPEGs of quality 90 with texture at every scale, as photos have."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        texture = background(np.random.default_rng(number), max(width, height))
        Image.fromarray(texture[:height, :width]).save(folder / f"{number}.jpg", quality=90)


def _rate(batches: Iterator[StepBatch], steps: int, batch: int, work: object) -> float:
    assert callable(work)
    for warm in islice(batches, 2):
        work(warm)
    start = time.perf_counter()
    for one in islice(batches, steps):
        work(one)
    return steps * batch / (time.perf_counter() - start)
