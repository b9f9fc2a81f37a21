"""LaMem: 58,741 images with the share of people who recognised them when they came again.

`images/00000001.jpg` beside `splits/train_1.txt` … `test_5.txt`: five random splits, an image and
its memorability a line (Khosla et al., ICCV 2015). The first split is read.
"""

from pathlib import Path

import torch

from zoo.data.dataset import OnBadImage
from zoo.data.item import Item, Skipped
from zoo.data.reader import need, read_number, read_table
from zoo.data.scored import ScoredSet
from zoo.data.validation import checked
from zoo.errors import DataError

COLUMN = "memorability"
SOURCE = "it comes with lamem.tar.gz from memorability.csail.mit.edu"


def is_lamem(path: Path) -> bool:
    """Whether a folder holds LaMem's splits."""
    return (path / "splits" / "train_1.txt").is_file()


def read_lamem(path: Path, split: str, on_bad_image: OnBadImage = "fail") -> ScoredSet:
    """Return the images of split `train`, `val` or `test` and their memorability.

    Raises:
        DataError: a list or an image is missing, or a value is no number.
    """
    listed = path / "splits" / f"{split}_1.txt"
    items, values = [], {}
    for number, (name, value) in read_table(listed, ("image", COLUMN), SOURCE):
        items.append(Item(path / "images" / name))
        values[items[-1].path] = read_number(value, f"{listed} line {number}", SOURCE)
    skipped: list[Skipped] = []
    if on_bad_image == "skip":
        items, skipped = checked(items, on_bad_image=on_bad_image)
    images = [need(item.path, SOURCE) for item in items]
    targets = torch.tensor([[values[image]] for image in images])
    if len(targets) < 2 or targets.std() == 0:
        raise DataError(f"{listed}: no two different values", SOURCE)
    ignored = torch.zeros_like(targets, dtype=torch.bool)
    return ScoredSet(tuple(images), (COLUMN,), targets, ignored, tuple(skipped))
