"""What is searched with what: the queries and the gallery of a catalogue."""

import logging
from dataclasses import dataclass

import torch
from jaxtyping import Int64
from torch import Tensor

from zoo.data.catalogue import Catalogue, hold_out
from zoo.errors import DataError

RIGHT = "an item is right when it has the query's label"
OUT = "queries without a right answer are left out, ties count against the model"

LOG = logging.getLogger("rankzoo")


@dataclass(frozen=True, eq=False)
class Task:
    """Queries and gallery as positions in a catalogue.

    `itself`: a query's own image is in the gallery and is taken out of its ranking, by position.
    """

    protocol: str
    definition: str
    queries: Int64[Tensor, " query"]
    gallery: Int64[Tensor, " gallery"]
    itself: bool


def held_out(catalogue: Catalogue) -> Catalogue:
    """Split a catalogue without splits as training does, so that no trained class is scored."""
    return catalogue if catalogue.splits else hold_out(catalogue)


def task_of(catalogue: Catalogue, split: str = "") -> Task:
    """Choose the task: the split asked for (`all`: everything), else what the splits say.

    They say query against gallery when both are there, else split test, else val, else everything.

    Raises:
        DataError: there are no labels, or only one of query and gallery.
    """
    if not catalogue.levels:
        raise DataError(
            f"{catalogue.name}: the images carry no label", "evaluation needs to know what is right"
        )
    if split:
        return self_retrieval(catalogue, None if split == "all" else split)
    splits = catalogue.splits
    if {"query", "gallery"} <= splits:
        return query_vs_gallery(catalogue)
    if lonely := {"query", "gallery"} & splits:
        raise DataError(
            f"{catalogue.name}: split {lonely.pop()} without its counterpart",
            "give both a query and a gallery split, or neither",
        )
    return self_retrieval(catalogue, next((s for s in ("test", "val") if s in splits), None))


def query_vs_gallery(catalogue: Catalogue) -> Task:
    """Search the items of split gallery with those of split query."""
    queries, gallery = _positions(catalogue, "query"), _positions(catalogue, "gallery")
    definition = (
        f"every image of split query searches the {len(gallery)} images of split gallery; "
        f"{RIGHT}; {OUT}"
    )
    return Task("query-gallery", definition, queries, gallery, itself=False)


def self_retrieval(catalogue: Catalogue, split: str | None = None) -> Task:
    """Search a split (or everything) with each of its own items, the item itself taken out."""
    chosen = _positions(catalogue, split)
    if len(torch.unique(catalogue.label_ids[chosen, 0])) == 1:
        LOG.warning("%s: one label only, so every answer is right", catalogue.name)
    where = f"split {split}" if split else "the whole set"
    definition = (
        f"every image of {where} searches the other {len(chosen) - 1} images of it "
        f"(itself taken out by id); {RIGHT}; {OUT}"
    )
    return Task("self-retrieval", definition, chosen, chosen, itself=True)


def random_galleries(catalogue: Catalogue, draws: int, seed: int) -> list[Task]:
    """Return tasks with one random image of each label of split test as gallery, the rest queries.

    Every label's images are equally likely; the draws follow from the seed.
    """
    chosen = _positions(catalogue, "test")
    definition = (
        "one random image of each label is the gallery, the other test images are the queries; "
        f"mean over {draws} draws (seed {seed}); {RIGHT}; {OUT}"
    )
    generator = torch.Generator().manual_seed(seed)
    tasks = []
    for _ in range(draws):
        shuffled = chosen[torch.randperm(len(chosen), generator=generator)]
        by_label = catalogue.label_ids[shuffled, 0].argsort(stable=True)
        grouped = shuffled[by_label]
        first = catalogue.label_ids[grouped, 0].diff(prepend=torch.tensor([-1])) != 0
        tasks.append(Task("random-gallery", definition, grouped[~first], grouped[first], False))
    return tasks


def _positions(catalogue: Catalogue, split: str | None) -> Int64[Tensor, " item"]:
    chosen = [i for i, item in enumerate(catalogue.items) if split is None or item.split == split]
    if not chosen:
        there = ", ".join(sorted(catalogue.splits)) or "none"
        raise DataError(f"{catalogue.name}: no image in split {split}", f"its splits: {there}")
    return torch.tensor(chosen, dtype=torch.int64)
