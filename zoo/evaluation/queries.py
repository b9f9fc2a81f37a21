"""What is searched with what: the queries and the gallery of a dataset."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Int64
from torch import Tensor

from zoo.data.dataset import ImageDataset, hold_out
from zoo.errors import DataError

RIGHT = "an item is right when it has the query's label"
OUT = "queries without a relevant item are left out, ties count against the model"

LOG = logging.getLogger("rankzoo")


@dataclass(frozen=True, eq=False)
class Task:
    """Queries and gallery as positions in a dataset.

    `itself`: a query's own image is in the gallery and is taken out of its ranking, by position.
    `level`: the one label level that says what is right, where others are asked in turn.
    """

    protocol: str
    definition: str
    queries: Int64[Tensor, " query"]
    gallery: Int64[Tensor, " gallery"]
    itself: bool
    level: int | None = None


def places_of(tasks: Sequence[Task]) -> list[int]:
    """Return the places in the dataset of all that searches or is searched, each once."""
    places = torch.cat([p for task in tasks for p in (task.queries, task.gallery)])
    return [int(place) for place in torch.unique(places)]


def held_out(dataset: ImageDataset) -> ImageDataset:
    """Split a dataset without splits as training does, so that no trained class is scored."""
    return dataset if dataset.splits else hold_out(dataset)


def task_of(dataset: ImageDataset, split: str = "") -> Task:
    """Choose the task: the split asked for (`all`: everything), else what the splits say.

    They say query against gallery when both are there, else split test, else val, else everything.

    Raises:
        DataError: there are no labels, or only one of query and gallery.
    """
    if not dataset.levels:
        raise DataError(
            f"{dataset.name}: the images carry no label", "evaluation needs to know what is right"
        )
    if split:
        return self_retrieval(dataset, None if split == "all" else split)
    splits = dataset.splits
    if {"query", "gallery"} <= splits:
        return query_vs_gallery(dataset)
    if lonely := {"query", "gallery"} & splits:
        raise DataError(
            f"{dataset.name}: split {lonely.pop()} without its counterpart",
            "give both a query and a gallery split, or neither",
        )
    return self_retrieval(dataset, next((s for s in ("test", "val") if s in splits), None))


def query_vs_gallery(dataset: ImageDataset) -> Task:
    """Search the items of split gallery with those of split query."""
    queries, gallery = _positions(dataset, "query"), _positions(dataset, "gallery")
    definition = (
        f"every image of split query searches the {len(gallery)} images of split gallery; "
        f"{RIGHT}; {OUT}"
    )
    return Task("query-gallery", definition, queries, gallery, itself=False)


def self_retrieval(dataset: ImageDataset, split: str | None = None) -> Task:
    """Search a split (or everything) with each of its own items, the item itself taken out."""
    chosen = _positions(dataset, split)
    if len(torch.unique(dataset.label_ids[chosen, 0])) == 1:
        LOG.warning("%s: one label only, so every answer is right", dataset.name)
    where = f"split {split}" if split else "the whole set"
    definition = (
        f"every image of {where} searches the other {len(chosen) - 1} images of it "
        f"(itself taken out by id); {RIGHT}; {OUT}"
    )
    return Task("self-retrieval", definition, chosen, chosen, itself=True)


def random_galleries(dataset: ImageDataset, draws: int, seed: int) -> list[Task]:
    """Return tasks with one random image of each label of split test as gallery, the rest queries.

    Every label's images are equally likely; the draws follow from the seed.
    """
    chosen = _positions(dataset, "test")
    definition = (
        "one random image of each label is the gallery, the other test images are the queries; "
        f"mean over {draws} draws (seed {seed}); {RIGHT}; {OUT}"
    )
    generator = torch.Generator().manual_seed(seed)
    tasks = []
    for _ in range(draws):
        shuffled = chosen[torch.randperm(len(chosen), generator=generator)]
        by_label = dataset.label_ids[shuffled, 0].argsort(stable=True)
        grouped = shuffled[by_label]
        first = dataset.label_ids[grouped, 0].diff(prepend=torch.tensor([-1])) != 0
        tasks.append(Task("random-gallery", definition, grouped[~first], grouped[first], False))
    return tasks


def query_lists(dataset: ImageDataset) -> list[Task]:
    """Return a task for each list of the dataset (`extra["list"]`): its queries, all its images.

    A query is an image of its list's gallery, taken out of its own ranking.

    Raises:
        DataError: no item belongs to a list.
    """
    lists: dict[str, list[int]] = {}
    for place, item in enumerate(dataset.items):
        if name := item.extra.get("list"):
            lists.setdefault(name, []).append(place)
    if not lists:
        raise DataError(f"{dataset.name}: no image belongs to a query list", "is it DyML?")
    definition = (
        f"every query image of the lists {', '.join(lists)} searches the images of its list "
        f"(itself taken out by id); mean over the lists; {RIGHT}; {OUT}"
    )
    return [
        Task(
            "query-lists",
            definition,
            torch.tensor([place for place in places if "query" in dataset.items[place].extra]),
            torch.tensor(places),
            itself=True,
        )
        for places in lists.values()
    ]


def each_level(dataset: ImageDataset, split: str = "") -> list[Task]:
    """Return the usual task of a dataset once a label level: right is who shares that label."""
    names = ", ".join(dataset.levels)
    task = task_of(dataset, split)
    definition = f"{task.definition}; asked at each level ({names}), mean over the levels"
    return [
        replace(task, protocol="each-level", definition=definition, level=level)
        for level in range(len(dataset.levels))
    ]


def matching_pairs(dataset: ImageDataset) -> Int64[Tensor, "pair 2"]:
    """Return each image with the next one of its finest label, the last with the first.

    A class of n images gives n pairs (one if n is 2), so that no class outweighs its images.
    """
    labels = dataset.label_ids[:, 0]
    order = labels.argsort(stable=True)
    pairs = []
    for group in torch.split(order, torch.bincount(labels).tolist()):
        ring = torch.stack([group, group.roll(-1)], dim=1)
        pairs.append(ring[: len(group) if len(group) > 2 else len(group) - 1])
    return torch.cat(pairs)


def _positions(dataset: ImageDataset, split: str | None) -> Int64[Tensor, " item"]:
    chosen = [i for i, item in enumerate(dataset.items) if split is None or item.split == split]
    if not chosen:
        there = ", ".join(sorted(dataset.splits)) or "none"
        raise DataError(f"{dataset.name}: no image in split {split}", f"its splits: {there}")
    return torch.tensor(chosen, dtype=torch.int64)
