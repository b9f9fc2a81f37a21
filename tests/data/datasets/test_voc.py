from pathlib import Path

import pytest

from zoo.data.datasets.voc import CLASSES, read_voc_labels
from zoo.errors import DataError


def write_year(devkit: Path, year: str, images: dict[str, list[tuple[str, int]]]) -> Path:
    """A devkit of one year as the archives lay it out: twenty class files."""
    folder = devkit / f"VOC{year}"
    sets = folder / "ImageSets" / "Main"
    for part in (folder / "JPEGImages", sets):
        part.mkdir(parents=True)
    for name in images:
        (folder / "JPEGImages" / f"{name}.jpg").touch()
    (sets / "train.txt").write_text("".join(f"{name}\n" for name in images))
    for label in CLASSES:
        lines = []
        for name, objects in images.items():
            difficulties = [hard for other, hard in objects if other == label]
            mark = -1 if not difficulties else 0 if all(difficulties) else 1
            lines.append(f"{name} {mark:2d}\n")
        (sets / f"{label}_train.txt").write_text("".join(lines))
    return folder


@pytest.fixture
def devkit(tmp_path: Path) -> Path:
    devkit = tmp_path / "VOCdevkit"
    write_year(devkit, "2007", {"000005": [("dog", 0), ("dog", 1)], "000007": [("car", 1)]})
    write_year(devkit, "2012", {"2008_000002": [("train", 0)]})
    return devkit


def test_labels_come_from_the_class_files_with_difficult_ones_apart(devkit: Path) -> None:
    labels = read_voc_labels(devkit, "train", year="2007")
    assert labels.classes == CLASSES
    assert [path.name for path in labels.paths] == ["000005.jpg", "000007.jpg"]
    assert labels.present.nonzero().tolist() == [[0, CLASSES.index("dog")]]
    assert labels.difficult.nonzero().tolist() == [[1, CLASSES.index("car")]]


@pytest.mark.parametrize("where", ["", "..", "VOC2007"])
def test_the_devkit_its_parent_or_a_year_may_be_given(devkit: Path, where: str) -> None:
    expected = 2 if where == "VOC2007" else 3
    assert len(read_voc_labels(devkit / where, "train")) == expected


def test_missing_files_are_named_with_their_source(devkit: Path) -> None:
    with pytest.raises(DataError, match=r"test\.txt: missing") as error:
        read_voc_labels(devkit, "test", year="2007")
    assert "splits there: train" in error.value.hint
    assert "VOCtest_06-Nov-2007.tar" in error.value.hint
    (devkit / "VOC2007/JPEGImages/000007.jpg").unlink()
    with pytest.raises(DataError, match=r"000007\.jpg: missing"):
        read_voc_labels(devkit, "train", year="2007")
    with pytest.raises(DataError, match="ImageSets/Main: missing"):
        read_voc_labels(devkit / "VOC2007" / "JPEGImages", "train")
    (devkit / "VOC2012/ImageSets/Main/cat_train.txt").unlink()
    with pytest.raises(DataError, match=r"cat_train\.txt: missing"):
        read_voc_labels(devkit, "train", year="2012")


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("000005 2\n000007 -1\n", "line 1: '2' is not 1, -1 or 0"),
        ("000005\n000007 -1\n", "line 1: '000005' is not `image mark`"),
        ("000005 1\n", "no line for image 000007"),
    ],
)
def test_a_malformed_class_file_names_the_line(devkit: Path, lines: str, message: str) -> None:
    (devkit / "VOC2007/ImageSets/Main/dog_train.txt").write_text(lines)
    with pytest.raises(DataError, match=f"dog_train.txt:? {message}"):
        read_voc_labels(devkit, "train", year="2007")
