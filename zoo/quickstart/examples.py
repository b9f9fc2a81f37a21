"""A few queries and what an index finds for them."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from zoo.data.dataset import ImageDataset, Item
from zoo.index import Hit, Index
from zoo.models import Embedder
from zoo.progress import Track

QUERIES, HITS = 8, 6


@dataclass(frozen=True)
class Example:
    """A query and its first hits."""

    query: Item
    hits: list[Hit]


def index_gallery(
    model: Embedder, name: Path, dataset: ImageDataset, folder: Path, track: Track
) -> Index:
    """Index the gallery into `folder`; `name` is the folder that `model` was loaded from."""
    gallery = dataset.split("gallery")
    return Index.build(folder, model, gallery, name=str(name.absolute()), track=track)


def find_examples(index: Index, model: Embedder, queries: Sequence[Item]) -> list[Example]:
    """Search an index with a few queries, and close it."""
    found = index.search(model.embed_images([query.path for query in queries]), HITS)
    index.close()
    return [Example(query, hits) for query, hits in zip(queries, found, strict=True)]


def draw_queries(dataset: ImageDataset, seed: int) -> list[Item]:
    """Draw a few items of the query split by `seed`, of different classes."""
    by_label = {item.labels[0]: item for item in dataset.split("query").items}
    classes = random.Random(seed).sample(sorted(by_label), min(QUERIES, len(by_label)))
    return [by_label[label] for label in classes]
