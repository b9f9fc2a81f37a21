"""SfM-120k: photos of landmarks, grouped by the 3D model they were built into (Radenovic et al.).

`retrieval-SfM-120k-imagenames-clusterids.mat` beside `ims/ef/cd/ab/…abcdef`: an image lies in
folders named by the last six letters of its name, two by two, from the end. With
`retrieval-SfM-120k.pkl` beside it, its validation models are split `val`; without, all is `train`.
"""

from pathlib import Path
from typing import Any

import numpy as np

from zoo.data.item import Item
from zoo.data.matlab import read_matlab
from zoo.data.plain_pickle import safe_unpickle
from zoo.data.reader import Layout, Reading, need
from zoo.errors import DataError

SOURCE = "it comes from cmp.felk.cvut.cz/cnnimageretrieval/data/train"
NAMES = "retrieval-SfM-120k-imagenames-clusterids.mat"
PAIRS = "retrieval-SfM-120k.pkl"


def read_sfm120k(root: Path) -> Reading:
    """Return the images, each labelled with its 3D model.

    Raises:
        DataError: a list is missing or malformed, or names an image by something else.
        IntegrityError: the pickle holds more than data.
    """
    path = need(root / NAMES, SOURCE)
    names, models = _lists(path)
    held_out = _validation(root / PAIRS)
    items = [
        Item(
            root / "ims" / name[-2:] / name[-4:-2] / name[-6:-4] / name,
            (str(model),),
            "val" if name in held_out else "train",
        )
        for name, model in zip(names, models, strict=True)
    ]
    return items, ("model",)


def _lists(path: Path) -> tuple[list[str], list[int]]:
    found = read_matlab(path, ("cids", "cluster"), SOURCE)
    try:
        names = [str(cell) for cell in np.atleast_1d(found["cids"])]
        models = [int(value) for value in np.atleast_1d(found["cluster"])]
    except (TypeError, ValueError, OverflowError) as error:
        raise DataError(f"{path}: not the lists of SfM-120k: {error!r}", SOURCE) from error
    if len(names) != len(models):
        raise DataError(f"{path}: {len(names)} images, {len(models)} models", SOURCE)
    if bad := next((n for n in names if len(n) < 6 or not n.isalnum()), None):
        raise DataError(f"{path}: {bad!r} is not the name of an image", SOURCE)
    return names, models


def _validation(path: Path) -> frozenset[str]:
    """Return the names of the validation images, none when the list of pairs is not there."""
    if not path.exists():
        return frozenset()
    with path.open("rb") as file:
        pairs: Any = safe_unpickle(file, str(path))
    try:
        return frozenset(map(str, pairs["val"]["cids"]))
    except (KeyError, TypeError) as error:
        raise DataError(f"{path}: no list of validation images: {error!r}", SOURCE) from error


SFM120K = Layout(read_sfm120k, (NAMES,), SOURCE)
