"""DyML (dynamic metric learning): vehicles, animals and products at three levels of scale.

`train/label.csv` with fine, middle and coarse label beside `train/imgs/`. Vehicles and animals are
tested by three lists, `bmk_fine/`, `bmk_middle/` and `bmk_coarse/`, each with `query.csv` and
`gallery.csv` (one label) beside `gallery/`, whose images hold the queries' too; products by
`mini-bmk_all_in_one/label.csv` (three labels) beside `imgs/`, all against all.
"""

import csv
from collections.abc import Iterator
from pathlib import Path

from zoo.data.item import Item
from zoo.data.reader import Layout, Reading, read_text
from zoo.errors import DataError

SOURCE = "it comes with DyML-Vehicle, DyML-Animal and DyML-Product of Sun et al., CVPR 2021"
LEVELS = ("fine", "middle", "coarse")


def read_lists(root: Path) -> Reading:
    """Return the training images and those of the three lists (vehicles, animals).

    A list's images carry its name in `extra["list"]`, and its one label at every level; the query
    images, found again in the gallery by their file name, have `extra["query"]`.
    """
    items = list(_labelled(root / "train", root / "train" / "label.csv", "train"))
    for name in LEVELS:
        items += _list(root / f"bmk_{name}", name)
    return items, LEVELS


def read_products(root: Path) -> Reading:
    """Return the training and the test images of the products, with three labels each."""
    test = root / "mini-bmk_all_in_one"
    parts = (("train", root / "train"), ("test", test))
    items = [i for split, part in parts for i in _labelled(part, part / "label.csv", split)]
    return items, LEVELS


def _labelled(folder: Path, path: Path, split: str) -> Iterator[Item]:
    for name, *labels in _rows(path, 4):
        yield Item(folder / "imgs" / name, tuple(labels), split)


def _list(folder: Path, name: str) -> Iterator[Item]:
    queries = dict(_rows(folder / "query.csv", 2))
    gallery = dict(_rows(folder / "gallery.csv", 2))
    for image, label in {**queries, **gallery}.items():
        wanted = queries.get(image, label)
        if wanted != label:
            message = f"{folder}: {image} is {wanted} as a query and {label} in the gallery"
            raise DataError(message, SOURCE)
        place = folder / ("gallery" if image in gallery else "query") / image
        labels = (f"{name} {label}",) * len(LEVELS)  # a list tells its own labels apart only
        marks = {"list": name, **({"query": "yes"} if image in queries else {})}
        yield Item(place, labels, "gallery" if image in gallery else "query", (), marks)


def _rows(path: Path, columns: int) -> Iterator[list[str]]:
    """Yield the cells of a CSV file by position: the names of its columns are not reliable."""
    lines = read_text(path, SOURCE).splitlines()
    for number, row in enumerate(csv.reader(lines[1:], skipinitialspace=True), start=2):
        if len(row) != columns or not all(row):
            raise DataError(f"{path} row {number}: {len(row)} cells, not {columns}", SOURCE)
        yield row


DYML_LISTS = Layout(read_lists, ("bmk_fine/query.csv",), SOURCE)
DYML_PRODUCT = Layout(read_products, ("mini-bmk_all_in_one/label.csv",), SOURCE)
