from dataclasses import replace
from pathlib import Path

import pytest

from zoo.data.dataset import ImageDataset, Item, hold_out, read_dataset
from zoo.errors import DataError
from zoo.experiments.validation import validation_split


def test_tuning_never_sees_test_data_and_shares_no_class_with_training(photos: Path) -> None:
    dataset = hold_out(read_dataset(photos))
    seen = validation_split(dataset, 0.25)
    assert seen.splits == {"train", "val"}
    held = {item.labels[0] for item in seen.split("val").items}
    trained = {item.labels[0] for item in seen.split("train").items}
    tested = {item.labels[0] for item in dataset.split("test").items}
    assert not held & trained
    assert not (held | trained) & tested
    assert held | trained == {item.labels[0] for item in dataset.split("train").items}


def test_the_same_classes_are_set_aside_every_time(photos: Path) -> None:
    dataset = hold_out(read_dataset(photos))
    assert validation_split(dataset, 0.25) == validation_split(dataset, 0.25)


def test_a_caption_is_asked_for_once(tmp_path: Path) -> None:
    items = tuple(
        Item(tmp_path / f"{artist}-{n}.png", (str(n),), "train", (f"name {n}",))
        for n in range(8)
        for artist in "ab"
    )
    dataset = ImageDataset("pairs", tmp_path, items, ("label",))
    captions = [item.captions for item in validation_split(dataset, 0.25, True).split("val").items]
    assert len(captions) == len(set(captions)) == 2


def test_validation_asks_one_folder_for_another_where_the_test_does(tmp_path: Path) -> None:
    tested = {"a": "query", "b": "gallery"}
    items = tuple(
        Item(tmp_path / artist / f"{n}.png", (str(n),), tested[artist] if n < 4 else "train")
        for n in range(12)
        for artist in "ab"
    )
    seen = validation_split(ImageDataset("artists", tmp_path, items, ("label",)), 0.25)
    assert seen.splits == {"train", "query", "gallery"}
    assert {item.path.parent.name for item in seen.split("query").items} == {"a"}
    queries, gallery = (seen.split(s).items for s in ("query", "gallery"))
    assert {i.labels for i in queries} == {i.labels for i in gallery}
    assert not {i.labels for i in queries} & {i.labels for i in seen.split("train").items}


def test_images_without_labels_are_set_aside_one_by_one(tmp_path: Path) -> None:
    items = tuple(Item(tmp_path / f"{n}.png", (), "train", (f"name {n}",)) for n in range(8))
    seen = validation_split(ImageDataset("bare", tmp_path, items), 0.25, captions=True)
    assert len(seen.split("val")) == 2
    assert len(seen) == 8


def test_data_without_a_training_split_is_refused(photos: Path) -> None:
    dataset = read_dataset(photos)
    tested = replace(dataset, items=tuple(replace(i, split="test") for i in dataset.items))
    with pytest.raises(DataError, match="train"):
        validation_split(tested, 0.25)


def test_images_without_labels_are_set_aside_by_their_names_wherever_they_lie(
    tmp_path: Path,
) -> None:
    def set_aside(root: Path) -> set[str]:
        items = tuple(Item(root / f"{n}.png", (), "train", (f"name {n}",)) for n in range(20))
        seen = validation_split(ImageDataset("named", root, items), 0.25, captions=True)
        return {item.path.name for item in seen.split("val").items}

    assert len(set_aside(tmp_path)) == 5
    assert set_aside(tmp_path) == set_aside(Path("elsewhere"))
    listed = tuple(Item(Path("/far") / f"{n}.png", (), "train", (f"{n}",)) for n in range(20))
    assert len(validation_split(ImageDataset("far", tmp_path, listed), 0.25).split("val")) == 5
