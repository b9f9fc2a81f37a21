"""LaMem: 58,741 images with the share of people who recognised them when they came again.

`images/00000001.jpg` beside `splits/train_1.txt` … `test_5.txt`: five random splits, an image and
its memorability a line (Khosla et al., ICCV 2015). The first split is read.
"""

import math
from pathlib import Path

import torch

from zoo.data.reader import need, read_table
from zoo.data.scored import ScoredSet
from zoo.errors import DataError

SOURCE = "it comes with lamem.tar.gz from memorability.csail.mit.edu"


def is_lamem(path: Path) -> bool:
    """Whether a folder holds LaMem's splits."""
    return (path / "splits" / "train_1.txt").is_file()


def read_lamem(path: Path, split: str) -> ScoredSet:
    """Return the images of split `train` or `test` and their memorability.

    Raises:
        DataError: a list or an image is missing, or a value is no number.
    """
    listed = path / "splits" / f"{split}_1.txt"
    images, values = [], []
    for number, (name, value) in read_table(listed, ("image", "memorability"), SOURCE):
        images.append(need(path / "images" / name, SOURCE))
        values.append(_value(value, f"{listed} line {number}"))
    targets = torch.tensor(values)[:, None]
    if len(targets) < 2 or targets.std() == 0:
        raise DataError(f"{listed}: no two different values", SOURCE)
    ignored = torch.zeros_like(targets, dtype=torch.bool)
    return ScoredSet(tuple(images), ("memorability",), targets, ignored)


def _value(text: str, where: str) -> float:
    try:
        value = float(text)
    except ValueError as error:
        raise DataError(f"{where}: {text!r} is no number", SOURCE) from error
    if not math.isfinite(value):
        raise DataError(f"{where}: {value} cannot be ranked", SOURCE)
    return value
