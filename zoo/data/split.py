"""Splits for data that has none: by class or by item, the same for the same seed everywhere."""

import logging
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from zoo.data.boxes.layouts import find_parts
from zoo.data.boxes.yolo import CLASS_LISTS
from zoo.data.dataset import ImageDataset, choose
from zoo.data.item import Item
from zoo.errors import DataError, UsageError

logger = logging.getLogger("rankzoo")
By = Literal["class", "item"]


@dataclass(frozen=True)
class Shares:
    """How much goes to test and to val, what stays together, and the seed of the choice.

    `by="class"` holds out whole classes, as retrieval is measured; `by="item"` a share of each
    class, as classification is.

    Raises:
        UsageError: a share that is not between 0 and 1, or nothing left to train on.
    """

    by: By = "class"
    test: float = 0.2
    val: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        if not (0 < self.test < 1 and 0 <= self.val < 1 and self.test + self.val < 1):
            shares = f"test {self.test:g} and val {self.val:g}"
            raise UsageError(f"{shares} leave no sensible rest", "for example --test 0.2 --val 0.1")


def split_dataset(dataset: ImageDataset, shares: Shares) -> ImageDataset:
    """Return the dataset with a split for every item; the choice is by the hash of seed and name.

    So it is the same on every machine, and hardly moves when images come and go.

    Raises:
        DataError: the data has splits already, or too few classes or items for the shares.
    """
    if dataset.splits:
        there = ", ".join(sorted(dataset.splits))
        raise DataError(f"{dataset.place}: has splits already: {there}", "it needs no other")
    split_of = _by_class(dataset, shares) if shares.by == "class" else _by_item(dataset, shares)
    items = tuple(replace(item, split=split_of[item.path]) for item in dataset.items)
    wanted = {"train", "test", *(["val"] if shares.val else [])}
    if missing := sorted(wanted - {item.split for item in items}):
        message = f"{dataset.place}: {len(items)} images leave none for {missing[0]}"
        raise DataError(message, "add images, or change --test and --val")
    return replace(dataset, items=items)


def _by_class(dataset: ImageDataset, shares: Shares) -> dict[Path, str]:
    dataset.require_classes()
    names = sorted({item.labels[0] for item in dataset.items})
    chosen = _chosen(names, shares)
    return {item.path: chosen[item.labels[0]] for item in dataset.items}


def _by_item(dataset: ImageDataset, shares: Shares) -> dict[Path, str]:
    groups: dict[str, dict[str, Item]] = defaultdict(dict)
    for item in dataset.items:
        label = item.labels[0] if item.labels else ""
        groups[label][dataset.name_of(item)] = item
    found: dict[Path, str] = {}
    for items in groups.values():
        # A class of one image trains.
        chosen = _chosen(sorted(items), shares) if len(items) > 1 else {}
        found |= {item.path: chosen.get(name, "train") for name, item in items.items()}
    return found


def _chosen(names: Sequence[str], shares: Shares) -> dict[str, str]:
    test = choose(names, shares.test, shares.seed)
    rest = [name for name in names if name not in set(test)]
    share = shares.val / (1 - shares.test)
    val = choose(rest, share, shares.seed) if share and len(rest) > 1 else []
    return {
        **dict.fromkeys(rest, "train"),
        **dict.fromkeys(test, "test"),
        **dict.fromkeys(val, "val"),
    }


def refuse_boxes(path: Path) -> None:
    """Raise where images with boxes, or another file than a manifest, are to be given a split.

    Raises:
        UsageError: naming the annotation file.
    """
    if path.is_file() and path.suffix.lower() not in (".csv", ".jsonl"):
        raise UsageError(f"{path} is no manifest", "give a folder, a .csv or a .jsonl file")
    for part in find_parts(path):
        if part.source.is_dir() or part.source.name in CLASS_LISTS:  # perhaps no boxes after all
            logger.warning("%s: boxes, if it has any, are left out: a manifest holds none", path)
        else:
            hint = "detectors train on boxes as they are, and hold a fifth out where no split is"
            raise UsageError(f"{part.source}: annotates boxes, which no manifest holds", hint)


def check_manifest_name(path: Path, dataset: ImageDataset) -> None:
    """Raise unless a manifest of this name can hold all of the dataset.

    Raises:
        UsageError: neither .csv nor .jsonl, or a .csv for images with several captions.
    """
    if path.suffix not in (".csv", ".jsonl"):
        raise UsageError(f"{path} is no manifest", "call it .csv or .jsonl")
    if path.suffix == ".csv" and any(len(item.captions) > 1 for item in dataset.items):
        raise UsageError(f"{path} has room for one caption an image", "call it .jsonl")
