from collections.abc import Callable
from pathlib import Path

import pytest

from zoo.data.dataset import read_dataset
from zoo.data.splits import split_of
from zoo.errors import DataError

Draw = Callable[..., Path]
CLASSES = (("ash", "oak"),)


def tree(draw: Draw, *splits: str) -> None:
    for split in splits:
        for label in ("ash", "oak"):
            draw(f"{split}/{label}/a.png")


@pytest.mark.parametrize(
    ("word", "split"),
    [
        *(("train", "train"), ("Train", "train"), ("TRAINING", "train"), (" val ", "val")),
        *(("valid", "val"), ("Validation", "val"), ("dev", "val"), ("eval", "val")),
        *(("Test", "test"), ("testing", "test"), ("gallery", "gallery"), ("queries", "query")),
        *(("trainval", "train"), ("train_set", "train"), ("TestSet", "test"), ("holdout", "val")),
        *(("trainer", ""), ("", ""), ("oak", ""), ("test2", "")),
    ],
)
def test_a_split_is_known_in_every_spelling(word: str, split: str) -> None:
    assert split_of(word) == split


@pytest.mark.parametrize("second", ["val", "valid", "validation", "Validation", "dev", "eval"])
def test_validation_beside_train_is_a_split_in_every_spelling(
    second: str, draw: Draw, tmp_path: Path
) -> None:
    tree(draw, "train", second)
    dataset = read_dataset(tmp_path)
    assert dataset.label_names == CLASSES
    assert dataset.splits == {"train", "val"}


@pytest.mark.parametrize("beside", ["__MACOSX", "@eaDir", ".git", "empty", "val"])
def test_a_folder_without_images_beside_splits_changes_nothing(
    beside: str, draw: Draw, tmp_path: Path
) -> None:
    tree(draw, "train", "test")
    (tmp_path / beside).mkdir()
    assert read_dataset(tmp_path).label_names == CLASSES
    assert read_dataset(tmp_path).splits == {"train", "test"}


def test_an_empty_test_beside_train_is_no_class(draw: Draw, tmp_path: Path) -> None:
    tree(draw, "train")
    (tmp_path / "test").mkdir()
    assert read_dataset(tmp_path).label_names == CLASSES
    assert read_dataset(tmp_path).splits == {"train"}


def test_images_right_inside_a_split_have_no_class_and_are_named(
    draw: Draw, tmp_path: Path
) -> None:
    tree(draw, "train")
    draw("test/a.png")
    with pytest.raises(DataError, match=r"test/a\.png: lies outside any class folder"):
        read_dataset(tmp_path)
    assert read_dataset(tmp_path, require_labels=False).splits == {"train", "test"}


def test_two_splits_without_classes_are_splits(draw: Draw, tmp_path: Path) -> None:
    draw("train/a.png")
    draw("test/a.png")
    assert read_dataset(tmp_path, require_labels=False).splits == {"train", "test"}


def test_classes_beside_two_splits_are_refused_and_not_guessed(draw: Draw, tmp_path: Path) -> None:
    tree(draw, "train", "test")
    draw("birch/a.png")
    with pytest.raises(DataError, match=r"test/ and train/ are splits, but .*birch lies beside"):
        read_dataset(tmp_path)


def test_two_folders_of_one_split_are_refused(draw: Draw, tmp_path: Path) -> None:
    tree(draw, "train", "val", "valid")
    with pytest.raises(DataError, match=r"val/ and valid/ both mean the split val"):
        read_dataset(tmp_path)


def test_a_manifest_may_spell_its_splits_as_it_likes(draw: Draw, tmp_path: Path) -> None:
    draw("a.png")
    draw("b.png")
    (tmp_path / "list.csv").write_text("path,label,split\na.png,x,Train\nb.png,x,validation\n")
    assert read_dataset(tmp_path / "list.csv").splits == {"train", "val"}
    (tmp_path / "list.csv").write_text("path,label,split\na.png,x,later\n")
    with pytest.raises(DataError, match="row 2, column split: 'later' is no split"):
        read_dataset(tmp_path / "list.csv")


def test_a_class_called_like_a_split_is_told(
    draw: Draw, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("train/a.png", "bicycle/a.png"):
        draw(name)
    assert {item.labels for item in read_dataset(tmp_path).items} == {("train",), ("bicycle",)}
    assert "train/ is called like a split and bicycle/ is not" in caplog.text
