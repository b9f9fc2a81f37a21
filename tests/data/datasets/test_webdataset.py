"""A folder of WebDataset tars is data like any other."""

import io
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from zoo.data.dataset import read_dataset
from zoo.data.images import open_image
from zoo.errors import DataError


def png(shade: int) -> bytes:
    held = io.BytesIO()
    Image.new("RGB", (4, 4), (shade, 0, 0)).save(held, "PNG")
    return held.getvalue()


def write(path: Path, **samples: dict[str, bytes]) -> None:
    """A tar of samples by key, each of members by suffix."""
    with tarfile.open(path, "w") as tar:
        for key, sample in samples.items():
            for suffix, content in sample.items():
                facts = tarfile.TarInfo(f"{key}.{suffix}")
                facts.size = len(content)
                tar.addfile(facts, io.BytesIO(content))


def test_tars_are_read_with_labels_captions_and_splits_and_unpacked_once(tmp_path: Path) -> None:
    write(tmp_path / "train-0.tar", a={"png": png(10), "cls": b"oak", "txt": b"an oak"})
    write(tmp_path / "train-1.tar", a={"png": png(20), "cls": b"ash"})  # a key of its own tar
    write(tmp_path / "validation.tar", b={"png": png(30), "cls": b"oak"})
    found = read_dataset(tmp_path)
    told = [(item.labels, item.split, item.captions) for item in found.items]
    assert told == [
        (("oak",), "train", ("an oak",)),
        (("ash",), "train", ()),
        (("oak",), "val", ()),
    ]
    assert [np.asarray(open_image(path))[0, 0, 0] for path in found.paths] == [10, 20, 30]
    times = [path.stat().st_mtime_ns for path in found.paths]
    again = read_dataset(tmp_path)
    assert [path.stat().st_mtime_ns for path in again.paths] == times
    assert again.items == found.items


def test_tars_of_which_some_have_labels_are_refused_and_nothing_is_left(tmp_path: Path) -> None:
    write(tmp_path / "a.tar", a={"png": png(10), "cls": b"oak"})
    write(tmp_path / "b.tar", a={"png": png(20)})
    with pytest.raises(DataError, match=r"a\.tar and b\.tar do not both have labels"):
        read_dataset(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.tar", "b.tar"]
