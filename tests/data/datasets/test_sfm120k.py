"""SfM-120k on a miniature of its layout."""

import pickle
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from zoo.data.datasets.sfm120k import NAMES, PAIRS
from zoo.data.open import open_dataset
from zoo.errors import DataError, IntegrityError

IMAGES = {"0badc0ffee": 7, "00deadbeef": 7, "0123456789": 9, "abcdefabcd": 9}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write(tmp_path, list(IMAGES), list(IMAGES.values()))
    for name in IMAGES:
        path = tmp_path / "ims" / name[-2:] / name[-4:-2] / name[-6:-4] / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path


def write(root: Path, names: list[str], models: list[int]) -> None:
    cells = np.empty((1, len(names)), dtype=object)
    cells[0] = names
    savemat(root / NAMES, {"cids": cells, "cluster": np.array([models])})


def test_an_image_lies_in_folders_named_by_the_end_of_its_name(root: Path) -> None:
    dataset = open_dataset("sfm120k", root)
    assert (dataset.levels, dataset.splits) == (("model",), {"train"})
    first = dataset.items[0]
    assert (first.path, first.labels) == (root / "ims/ee/ff/c0/0badc0ffee", ("7",))
    assert open_dataset(None, root).name == dataset.name  # recognised by its list


def test_the_list_of_pairs_says_which_models_validate(root: Path) -> None:
    pairs = {"train": {"cids": []}, "val": {"cids": ["0123456789", "abcdefabcd"], "qidxs": [0]}}
    (root / PAIRS).write_bytes(pickle.dumps(pairs))
    found = {item.path.name: item.split for item in open_dataset("sfm120k", root).items}
    assert found == dict(zip(IMAGES, ["train", "train", "val", "val"], strict=True))


class Hostile:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return print, ("run",)


@pytest.mark.parametrize(
    ("held", "error"),
    [
        (b"no pickle", IntegrityError),
        (pickle.dumps({"val": 3}), DataError),
        (pickle.dumps(Hostile()), IntegrityError),
    ],
)
def test_a_pickle_that_is_not_the_lists_is_refused(
    root: Path, held: bytes, error: type[Exception], capsys: pytest.CaptureFixture[str]
) -> None:
    (root / PAIRS).write_bytes(held)
    with pytest.raises(error, match=PAIRS):
        open_dataset("sfm120k", root)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("names", "models", "match"),
    [(["../../etc/passwd"], [1], "not the name"), (["0badc0ffee"], [1, 2], "1 images, 2 models")],
)
def test_lists_that_do_not_fit_are_named(
    root: Path, names: list[str], models: list[int], match: str
) -> None:
    write(root, names, models)
    with pytest.raises(DataError, match=match):
        open_dataset("sfm120k", root)
    (root / NAMES).write_bytes(b"no matrix")
    with pytest.raises(DataError, match="not a MATLAB file"):
        open_dataset("sfm120k", root)
