"""Reading what an image should be scored: VOC labels and attribute columns."""

from pathlib import Path

import PIL.Image
import pytest
import torch

from zoo.data.scored import read_attribute, read_voc_scores
from zoo.errors import DataError


@pytest.fixture
def voc(tmp_path: Path) -> Path:
    """Three images, two classes: a cat in the first, a difficult one in the second; a dog."""
    year = tmp_path / "VOC2007"
    (year / "JPEGImages").mkdir(parents=True)
    sets = year / "ImageSets" / "Main"
    sets.mkdir(parents=True)
    for name in "abc":
        PIL.Image.new("RGB", (8, 8)).save(year / "JPEGImages" / f"{name}.jpg")
    (sets / "test.txt").write_text("a\nb\nc\n")
    (sets / "kitten_test.txt").write_text("a  1\nb  0\nc -1\n")
    (sets / "puppy_test.txt").write_text("a -1\nb  1\nc  1\n")
    return tmp_path


@pytest.fixture
def table(tmp_path: Path) -> Path:
    for name in "abcd":
        PIL.Image.new("RGB", (8, 8)).save(tmp_path / f"{name}.png")
    path = tmp_path / "attributes.csv"
    path.write_text(
        "path,split,size\na.png,train,1.5\nb.png,train,-2\nc.png,test,7\nd.png,test,8\n"
    )
    return path


def test_voc_marks_become_targets_and_difficult_ones_are_ignored(voc: Path) -> None:
    found = read_voc_scores(voc, "test")
    assert found.outputs == ("kitten", "puppy")
    assert found.targets.tolist() == [[1, 0], [0, 1], [0, 1]]
    assert found.ignored.tolist() == [[False, False], [True, False], [False, False]]
    assert [path.stem for path in found.paths] == ["a", "b", "c"]


def test_a_class_without_a_positive_is_named(voc: Path) -> None:
    (voc / "VOC2007/ImageSets/Main/kitten_test.txt").write_text("a -1\nb  0\nc -1\n")
    with pytest.raises(DataError, match="no image of kitten in split test"):
        read_voc_scores(voc, "test")


def test_a_missing_image_is_named(voc: Path) -> None:
    (voc / "VOC2007/JPEGImages/b.jpg").unlink()
    with pytest.raises(DataError, match=r"b\.jpg"):
        read_voc_scores(voc, "test")


def test_a_column_becomes_one_target_a_image(table: Path) -> None:
    found = read_attribute(table, "size", "train")
    assert found.outputs == ("size",)
    assert found.targets.equal(torch.tensor([[1.5], [-2.0]]))
    assert not found.ignored.any()


@pytest.mark.parametrize("bad", ["tall", "nan", "inf", ""])
def test_a_value_that_is_no_number_is_named(table: Path, bad: str) -> None:
    table.write_text(table.read_text().replace("-2", bad))
    with pytest.raises(DataError, match=r"image b\.png, column size"):
        read_attribute(table, "size", "train")


def test_a_missing_column_and_a_constant_one_are_errors(table: Path) -> None:
    with pytest.raises(DataError, match="column weight: missing"):
        read_attribute(table, "weight", "train")
    table.write_text(table.read_text().replace(",8", ",7"))
    with pytest.raises(DataError, match="no two different values"):
        read_attribute(table, "size", "test")
