"""How long building an index will take here: short measurements, multiplied."""

import math
import re
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from torch import nn

from zoo.data.dataset import ImageDataset
from zoo.embedding.identity import at_scales
from zoo.embedding.options import EmbedOptions
from zoo.embedding.sides import dim_of
from zoo.embedding.sources import refuse_uncaptioned, work_for
from zoo.index import engine
from zoo.index.candidates import candidates, described
from zoo.index.options import IndexOptions
from zoo.index.tune import SAMPLE

PROBE = 32  # images or captions embedded to learn the rate
GRAPH = 2_000  # vectors in the graph that is built to learn the rate
ITERATIONS = 10  # of faiss's k-means for cells


def building_cost(model: nn.Module, dataset: ImageDataset, options: IndexOptions) -> dict[str, Any]:
    """Return what `Index.build` would take: embedding, and each plan; several on a sample.

    Raises:
        UsageError: the model lacks that side. DataError: an item cannot be read.
    """
    model = at_scales(model, options.scales)
    count, dim = len(dataset), dim_of(model)
    if options.modality == "captions":
        refuse_uncaptioned(dataset)
        dataset = dataset.subset(n for n, item in enumerate(dataset.items) if item.captions)
        count = sum(len(item.captions) for item in dataset.items)
    plans = [options.plan] if options.target is None else candidates(count, dim)
    built = min(count, SAMPLE) if len(plans) > 1 else count
    embed_s = embedding_seconds(model, dataset, options.modality, options.embed)
    rows: list[dict[str, Any]] = [
        {**described(plan, count, dim), "build_s": building_seconds(plan.kind, built, dim)}
        for plan in plans
    ]
    seconds = embed_s + sum(row["build_s"] for row in rows)
    return {"count": count, "embed_s": embed_s, "seconds": seconds, "candidates": rows}


def embedding_seconds(
    model: nn.Module, dataset: ImageDataset, modality: str, options: EmbedOptions
) -> float:
    """Embed a few items, spread over the dataset, and scale; the loading processes not counted.

    In torch, whatever the runtime of the options.

    Raises:
        UsageError: the model lacks that side. DataError: an item cannot be read.
    """
    probe = dataset.subset(range(0, len(dataset), -(-len(dataset) // PROBE)))
    in_torch = replace(options, runtime="torch")  # another would be written and started first
    records, embed = work_for(model, probe, dataset.root.absolute(), modality, in_torch)
    embed([0])  # the first pass sets things up
    return _seconds(lambda: embed(range(len(records)))) * len(dataset) / len(probe)


def building_seconds(kind: str, count: int, dim: int) -> float:
    """Return about how long training and filling an index of this kind takes.

    Cells: k-means compares the training vectors with every centroid ten times, filling compares
    all vectors once. A graph: each vector searches one that grows, log(n) steps. Codes add little,
    but for the rotation of OPQ, which is not counted.
    """
    draw = np.random.default_rng(0).standard_normal
    if kind.startswith("HNSW"):
        some = draw((GRAPH, dim), np.float32)
        seconds = _seconds(lambda: engine.add(engine.make(kind, dim), some))
        return seconds * count / GRAPH * math.log(max(count, 2)) / math.log(GRAPH)
    cells = re.search(r"IVF(\d+)", kind)
    if cells is None:
        return 0.0
    some, centroids = draw((4_096, dim), np.float32), draw((1_024, dim), np.float32)
    pair = _seconds(lambda: engine.exact(centroids, some, 1)) / (len(some) * len(centroids))
    trained = min(count, engine.training_size(kind))
    return pair * int(cells[1]) * (ITERATIONS * trained + count)


def _seconds(act: Callable[[], object]) -> float:
    started = time.perf_counter()
    act()
    return time.perf_counter() - started
