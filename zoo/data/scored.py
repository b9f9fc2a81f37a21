"""Images with numbers to predict: which classes they hold, or the value of an attribute."""

import math
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from zoo.data.dataset import read_dataset
from zoo.data.datasets.voc import read_voc_labels
from zoo.data.item import Item
from zoo.errors import DataError


@dataclass(frozen=True, eq=False)
class ScoredSet:
    """Images, the name of each output, and its target: 1 or 0 for a class, or a value.

    `ignored` marks targets that count as neither right nor wrong (VOC's difficult objects).
    """

    paths: tuple[Path, ...]
    outputs: tuple[str, ...]
    targets: Float[Tensor, "image output"]
    ignored: Bool[Tensor, "image output"]

    def __len__(self) -> int:
        return len(self.paths)


def read_voc_scores(path: Path, split: str) -> ScoredSet:
    """Read which classes the images of a VOC split hold.

    Raises:
        DataError: a file is missing or malformed, or the split holds no image of a class.
    """
    found = read_voc_labels(path, split)
    empty = [
        name for name, any_ in zip(found.classes, found.present.any(0), strict=True) if not any_
    ]
    if empty:
        raise DataError(
            f"{path}: no image of {empty[0]} in split {split}",
            "a class without positives can neither be learned nor measured",
        )
    return ScoredSet(found.paths, found.classes, found.present.float(), found.difficult)


def read_attribute(path: Path, column: str, split: str) -> ScoredSet:
    """Read a column of numbers from a manifest with columns `path,split,<column>`.

    Raises:
        DataError: the column is missing or holds something else than numbers, the split is
            empty, or all its values are equal.
    """
    dataset = read_dataset(path, require_labels=False).split(split)
    values = [_number(path, item, column) for item in dataset.items]
    targets = torch.tensor(values)[:, None]
    if len(targets) < 2 or targets.std() == 0:
        raise DataError(f"{path}, column {column}: split {split} has no two different values")
    return ScoredSet(
        tuple(dataset.paths), (column,), targets, torch.zeros_like(targets, dtype=torch.bool)
    )


def _number(manifest: Path, item: Item, column: str) -> float:
    where = f"{manifest}, image {item.path.name}, column {column}"
    if column not in item.extra:
        known = ", ".join(sorted(item.extra)) or "none"
        raise DataError(f"{where}: missing", f"columns of numbers there: {known}")
    try:
        value = float(item.extra[column])
    except ValueError as error:
        raise DataError(f"{where}: {item.extra[column]!r} is no number") from error
    if not math.isfinite(value):
        raise DataError(f"{where}: {value} cannot be ranked")
    return value
