from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from zoo.data.datasets.cars import BODIES, body_of
from zoo.data.open import open_dataset
from zoo.errors import DataError

Lay = Callable[..., Path]
MODELS = np.array([f"Make Model {n}" for n in range(1, 197)], dtype=object)
READ = [("Make Model 1", "train"), ("Make Model 98", "train"), ("Make Model 99", "test")]
BOX = [("bbox_x1", "O"), ("bbox_y1", "O"), ("bbox_x2", "O"), ("bbox_y2", "O")]


def notes(field: str, rows: list[tuple[str, int]]) -> np.ndarray:
    """The annotation struct of the distributed files: name, box, class."""
    kind = [(field, "O"), *BOX, ("class", "O")]
    return np.array([[(name, 1, 2, 30, 40, label) for name, label in rows]], dtype=kind)


def whole(lay: Lay) -> Path:
    rows = [(f"car_ims/00000{n}.jpg", label) for n, label in ((1, 1), (2, 98), (3, 99))]
    root = lay({}, [name for name, _ in rows])
    content = {"annotations": notes("relative_im_path", rows), "class_names": MODELS[None]}
    savemat(root / "cars_annos.mat", content)
    return root


def devkit(lay: Lay) -> Path:
    root = lay({}, ["cars_train/00001.jpg", "cars_train/00002.jpg", "cars_test/00001.jpg"])
    (root / "devkit").mkdir()
    savemat(root / "devkit/cars_meta.mat", {"class_names": MODELS[None]})
    train = notes("fname", [("00001.jpg", 1), ("00002.jpg", 98)])
    savemat(root / "devkit/cars_train_annos.mat", {"annotations": train})
    test = notes("fname", [("00001.jpg", 99), ("00001.jpg", 99)])
    savemat(root / "cars_test_annos_withlabels.mat", {"annotations": test})
    return root


@pytest.mark.parametrize("write", [whole, devkit])
def test_both_distributions_split_by_model(write: Callable[[Lay], Path], lay: Lay) -> None:
    dataset = open_dataset(None, write(lay))
    assert dataset.name == "cars"
    assert [(item.labels[0], item.split) for item in dataset.items][:3] == READ
    assert all(path.is_file() for path in dataset.paths)


def test_models_have_a_body_and_the_halves_the_published_numbers() -> None:
    found = [
        [sum(body_of(n) == body for n in half) for body in BODIES]
        for half in (range(1, 99), range(99, 197))
    ]
    assert found == [[11, 15, 18, 3, 3, 25, 14, 3, 6], [7, 11, 16, 10, 4, 25, 21, 3, 1]]


def test_the_second_level_is_the_body(lay: Lay) -> None:
    dataset = open_dataset("cars", whole(lay))
    assert dataset.levels == ("model", "body")
    assert [item.labels[1] for item in dataset.items] == ["SUV", "hatchback", "coupé"]


def test_a_class_number_that_is_no_class_is_named(lay: Lay) -> None:
    root = whole(lay)
    content = {"annotations": notes("relative_im_path", [("a.jpg", 1), ("a.jpg", 0)])}
    savemat(root / "cars_annos.mat", {**content, "class_names": MODELS[None]})
    with pytest.raises(DataError, match=r"cars_annos\.mat: class 0 of a photo is not in 1…196"):
        open_dataset("cars", root)


def test_missing_and_damaged_annotations_are_named(lay: Lay) -> None:
    root = devkit(lay)
    (root / "cars_test_annos_withlabels.mat").unlink()
    with pytest.raises(DataError, match=r"cars_test_annos_withlabels\.mat: missing"):
        open_dataset("cars", root)
    (root / "devkit/cars_train_annos.mat").write_bytes(b"MATLAB 5.0 MAT-file, cut")
    with pytest.raises(DataError, match=r"cars_train_annos\.mat: not a MATLAB file"):
        open_dataset("cars", root)
    savemat(root / "devkit/cars_train_annos.mat", {"other": 1})
    with pytest.raises(DataError, match=r"cars_train_annos\.mat: holds no annotations"):
        open_dataset("cars", root)
