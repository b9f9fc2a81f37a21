import gzip
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from zoo.data.datasets.fashion_mnist import CLASSES, build_fashion_mnist, read_idx
from zoo.errors import DataError

RNG = np.random.default_rng(0)
IMAGES = {part: RNG.integers(0, 256, (20, 28, 28), np.uint8) for part in ("train", "t10k")}
LABELS = np.arange(20, dtype=np.uint8) % 10


def idx(values: np.ndarray) -> bytes:
    header = bytes((0, 0, 8, values.ndim)) + np.array(values.shape, ">u4").tobytes()
    return gzip.compress(header + values.tobytes(), mtime=0)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    root = tmp_path / "source"
    root.mkdir()
    for part, images in IMAGES.items():
        (root / f"{part}-images-idx3-ubyte.gz").write_bytes(idx(images))
        (root / f"{part}-labels-idx1-ubyte.gz").write_bytes(idx(LABELS))
    return root


def test_held_out_classes_ask_with_one_part_and_answer_with_the_other(
    source: Path, tmp_path: Path
) -> None:
    dataset = build_fashion_mnist(tmp_path / "out", source=source)
    sides = {s: {i.labels[0] for i in dataset.split(s).items} for s in dataset.splits}
    assert sides["query"] == sides["gallery"]
    assert sides["train"] == set(CLASSES) - sides["query"]
    assert (len(sides["train"]), len(dataset)) == (5, 40)
    assert {i.path.parent.name for i in dataset.split("query").items} == {"t10k"}
    assert {i.path.parent.name for i in dataset.split("gallery").items} == {"train"}


def test_pixels_and_labels_are_those_of_the_files(source: Path, tmp_path: Path) -> None:
    for item in build_fashion_mnist(tmp_path / "out", source=source, limit=12).items:
        number = int(item.path.stem)
        assert item.labels == list(CLASSES.items())[LABELS[number]]
        part = item.path.parent.name
        assert (np.asarray(Image.open(item.path)) == IMAGES[part][number]).all()
        assert number < 12


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"plain", "not a gzip file"),
        (idx(LABELS)[:-9], "not a gzip file"),
        (idx(LABELS)[:10] + b"\xff" * 20, "not a gzip file"),
        (gzip.compress(b"\0\0\x0d\1\0\0\0\1\0", mtime=0), "no idx file of 1 dimensions"),
        (gzip.compress(b"\0\0\x08\1\0\0", mtime=0), "no idx file of 1 dimensions"),
        (gzip.compress(b"\0\0\x08\1\0\0\0\2\0", mtime=0), r"1 bytes, its header says \(2,\)"),
    ],
    ids=["plain", "cut", "no deflate", "other", "short", "longer"],  # alike in every worker
)
def test_a_damaged_file_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "a-idx1-ubyte.gz").write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_idx(tmp_path / "a-idx1-ubyte.gz", 1)


@pytest.mark.parametrize("labels", [LABELS[:5], np.full(20, 10, np.uint8)])
def test_labels_that_do_not_fit_the_images_are_refused(
    source: Path, tmp_path: Path, labels: np.ndarray
) -> None:
    (source / "t10k-labels-idx1-ubyte.gz").write_bytes(idx(labels))
    with pytest.raises(DataError, match="t10k: its labels do not fit its images"):
        build_fashion_mnist(tmp_path / "out", source=source)
    assert not (tmp_path / "out").exists()


def test_without_the_package_its_name_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError) as error:
        build_fashion_mnist(tmp_path / "out", source=tmp_path)
    assert error.value.hint == "apt-get install dataset-fashion-mnist"
