"""Stanford Cars: 16,185 photos of 196 models, the first 98 to train on.

Either `cars_annos.mat` beside `car_ims/`, or the later `devkit/` beside `cars_train/` and
`cars_test/` with `cars_test_annos_withlabels.mat`. The body type of each model is that of Chang et
al., "Your Flamingo is My Bird" (CVPR 2021; github.com/PRIS-CV/Fine-Grained-or-Not, MIT), which
SupRank uses.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from zoo.data.item import Item
from zoo.data.matlab import read_matlab
from zoo.data.reader import Layout, Reading
from zoo.errors import DataError

SOURCE = (
    "it comes with car_ims.tgz, or cars_train.tgz, cars_test.tgz and car_devkit.tgz, "
    "from ai.stanford.edu/~jkrause/cars/car_dataset.html or a mirror of it"
)
_TRAINING_CLASSES = 98
BODIES = ["cab", "convertible", "coupé", "hatchback", "minivan", "sedan", "SUV", "van", "wagon"]
# One digit a model, 1 to 196: its place in BODIES, from 1.
_BODY = (
    "7666634232323336694623663623692773627226633623676767112337256768"
    "1367118361172562299951187119377664323223612577131169678771211553"
    "64777666664637737777733337762273263668648433652664236646676674444672"
)


def read_cars(root: Path) -> Reading:
    """Return all items; the levels are the car model and its body type."""
    photos = _whole(root) if (root / "cars_annos.mat").exists() else _devkit(root)
    items = []
    for path, number, name in photos:
        split = "train" if number <= _TRAINING_CLASSES else "test"
        items.append(Item(path, (name, body_of(number)), split))
    return items, ("model", "body")


def body_of(model: int) -> str:
    """Return the body type of model 1 to 196.

    >>> body_of(1)
    'SUV'
    """
    return BODIES[int(_BODY[model - 1]) - 1]


def _whole(root: Path) -> Iterator[tuple[Path, int, str]]:
    path = root / "cars_annos.mat"
    content = read_matlab(path, ("annotations", "class_names"), SOURCE)
    names = content["class_names"]
    for note in np.atleast_1d(content["annotations"]):
        name, number = _read(path, note, "relative_im_path", len(names))
        yield root / name, number, str(names[number - 1])


def _devkit(root: Path) -> Iterator[tuple[Path, int, str]]:
    devkit = root / "devkit"
    names = read_matlab(devkit / "cars_meta.mat", ("class_names",), SOURCE)["class_names"]
    labelled = root / "cars_test_annos_withlabels.mat"
    test = labelled if labelled.exists() else devkit / labelled.name
    for folder, path in (("cars_train", devkit / "cars_train_annos.mat"), ("cars_test", test)):
        notes = read_matlab(path, ("annotations",), SOURCE)["annotations"]
        for note in np.atleast_1d(notes):
            name, number = _read(path, note, "fname", len(names))
            yield root / folder / name, number, str(names[number - 1])


def _read(path: Path, note: Any, field: str, classes: int) -> tuple[str, int]:
    """Return the image's name and its class, counted from 1."""
    try:
        name, number = str(note[field]), int(note.get("class", 0))
    except (TypeError, ValueError, KeyError, IndexError, AttributeError, OverflowError) as error:
        raise DataError(f"{path}: a photo's annotation: {error!r}", SOURCE) from error
    if not 1 <= number <= min(classes, len(_BODY)):
        said = f"{path}: class {note.get('class')} of a photo is not in 1…{classes}"
        raise DataError(said, SOURCE)
    return name, number


CARS = Layout(read_cars, ("cars_annos.mat", "devkit/cars_meta.mat"), SOURCE)
