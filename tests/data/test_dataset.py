import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from zoo.data.dataset import ImageDataset, Item, choose, hold_out, read_dataset
from zoo.data.folders import read_folder
from zoo.data.validation import write_skipped
from zoo.errors import DataError

Draw = Callable[..., Path]


def made_of(**sizes: int) -> ImageDataset:
    items = [Item(Path(f"{n}{i}.png"), (n, n[0])) for n in sizes for i in range(sizes[n])]
    return ImageDataset("made", Path("made"), tuple(items), ("label", "label_level_2"))


def test_labels_become_numbers_finest_first() -> None:
    dataset = made_of(oak=2, ash=1, olive=1)
    assert dataset.label_names == (("ash", "oak", "olive"), ("a", "o"))
    assert dataset.label_ids.tolist() == [[1, 1], [1, 1], [0, 0], [2, 1]]


def test_a_subset_speaks_of_the_same_label_ids() -> None:
    dataset = made_of(oak=2, ash=1, olive=1)
    assert dataset.subset([3]).label_ids.tolist() == [[2, 1]]
    assert dataset.subset([]).label_ids.shape == (0, 2)


def test_class_folders_are_read_in_order(draw: Draw, tmp_path: Path) -> None:
    for name in ("oak/b.png", "oak/a.JPG", "ash/deep/a.png", "ash/.hidden.png", "ash/notes.txt"):
        if name.endswith("txt"):
            (tmp_path / name).write_text("not an image")
        else:
            draw(name)
    (tmp_path / "empty").mkdir()
    dataset = read_dataset(tmp_path)
    found = [(str(i.path.relative_to(tmp_path)), i.labels) for i in dataset.items]
    assert found == [("ash/deep/a.png", ("ash",)), ("oak/a.JPG", ("oak",)), ("oak/b.png", ("oak",))]
    assert dataset.levels == ("label",)
    assert dataset.splits == set()


def test_a_dataset_is_called_after_its_folder_or_file(
    draw: Draw, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw("shop v1.2/oak/a.png")
    monkeypatch.chdir(tmp_path / "shop v1.2")
    assert read_dataset(Path()).name == "shop v1.2"
    Path("list.csv").write_text("path,label\noak/a.png,oak\n")
    assert read_dataset(Path("list.csv")).name == "list"


def test_split_folders_above_class_folders_are_recognised(draw: Draw, tmp_path: Path) -> None:
    for name in ("train/oak/a.png", "query/ash/a.png", "gallery/ash/b.png"):
        draw(name)
    dataset = read_dataset(tmp_path)
    assert dataset.splits == {"train", "query", "gallery"}
    assert [item.path.name for item in dataset.split("query", "gallery").items] == [
        "b.png",
        "a.png",
    ]


def test_a_class_may_be_called_train(draw: Draw, tmp_path: Path) -> None:
    draw("train/a.png")
    draw("bus/a.png")
    assert read_dataset(tmp_path).label_names == (("bus", "train"),)


def test_a_missing_split_lists_those_there(draw: Draw, tmp_path: Path) -> None:
    draw("train/oak/a.png")
    with pytest.raises(DataError, match="no image in split test") as error:
        read_dataset(tmp_path).split("test")
    assert error.value.hint == "splits of this data: train"


def test_an_empty_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no image in this folder"):
        read_dataset(tmp_path)


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file or folder"):
        read_dataset(tmp_path / "gone")


def test_a_folder_that_cannot_be_listed_is_named(
    draw: Draw, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    draw("oak/a.png")
    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(DataError, match="cannot be listed: Permission denied"):
        read_folder(tmp_path)


def test_an_image_outside_the_class_folders_is_named(draw: Draw, tmp_path: Path) -> None:
    draw("oak/a.png")
    draw("loose.png")
    with pytest.raises(DataError, match=r"loose\.png: lies outside any class folder"):
        read_dataset(tmp_path)
    unlabelled = read_dataset(tmp_path, require_labels=False)
    assert len(unlabelled) == 2
    assert unlabelled.label_ids.shape == (2, 0)


def test_a_bad_image_stops_the_reading_or_is_listed(
    draw: Draw, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    draw("oak/a.png")
    (tmp_path / "oak" / "b.png").write_bytes(b"nothing")
    (tmp_path / "oak" / "c.png").write_bytes(b"nothing")
    with pytest.raises(DataError, match=r"b\.png: not an image.*and 1 more bad images"):
        read_dataset(tmp_path)
    with caplog.at_level("WARNING", "rankzoo"):
        dataset = read_dataset(tmp_path, on_bad_image="skip")
    assert ["b.png" in caplog.messages[0], "c.png" in caplog.messages[1]] == [True, True]
    assert [item.path.name for item in dataset.items] == ["a.png"]
    assert [Path(skipped.path).name for skipped in dataset.skipped] == ["b.png", "c.png"]
    assert "not an image" in dataset.skipped[0].reason
    write_skipped(tmp_path / "skipped.json", dataset.skipped)
    listed = json.loads((tmp_path / "skipped.json").read_text())
    assert [Path(image["path"]).name for image in listed] == ["b.png", "c.png"]


def test_skipping_leaves_out_whatever_could_not_be_opened_later(draw: Draw, tmp_path: Path) -> None:
    draw("oak/a.png")
    cut = draw("oak/b.gif", size=(64, 64))
    cut.write_bytes(cut.read_bytes()[: cut.stat().st_size // 2] + b";")
    Image.new("F", (8, 8), 0.5).save(tmp_path / "oak" / "c.tif")
    Image.new("RGB", (5000, 1)).save(tmp_path / "oak" / "d.png")
    (tmp_path / "oak" / "e.txt").write_text("")
    dataset = read_dataset(tmp_path, on_bad_image="skip")
    assert [item.path.name for item in dataset.items] == ["a.png"]
    assert [Path(s.path).name for s in dataset.skipped] == ["e.txt", "b.gif", "c.tif", "d.png"]


def test_no_list_is_written_when_nothing_was_left_out(tmp_path: Path) -> None:
    write_skipped(tmp_path / "skipped.json", ())
    assert not (tmp_path / "skipped.json").exists()


def test_a_missing_file_of_a_manifest_can_be_skipped(draw: Draw, tmp_path: Path) -> None:
    draw("a.png")
    (tmp_path / "list.csv").write_text("path,label\na.png,oak\nz.png,oak\n")
    dataset = read_dataset(tmp_path / "list.csv", on_bad_image="skip")
    assert len(dataset) == 1
    assert "no such file" in dataset.skipped[0].reason


def test_a_set_of_bad_images_only_is_an_error_even_when_skipping(tmp_path: Path) -> None:
    (tmp_path / "oak").mkdir()
    (tmp_path / "oak" / "b.png").write_bytes(b"nothing")
    with pytest.raises(DataError, match="all 1 images are bad"):
        read_dataset(tmp_path, on_bad_image="skip")


def test_a_name_that_is_not_utf8_is_shown_in_escapes(draw: Draw, tmp_path: Path) -> None:
    image = draw("oak/a.png")
    try:
        os.link(image, os.fsencode(tmp_path / "oak") + b"/caf\xe9.png")
    except (OSError, UnicodeError) as error:
        pytest.skip(f"this file system has no such name: {error}")
    with pytest.raises(DataError, match=r"caf\\xe9\.png: the name is not UTF-8"):
        read_dataset(tmp_path)
    dataset = read_dataset(tmp_path, on_bad_image="skip")
    assert [skipped.path[-10:] for skipped in dataset.skipped] == [r"caf\xe9.png"[-10:]]


def test_ranking_needs_two_classes() -> None:
    made_of(oak=2, ash=1).require_classes()
    with pytest.raises(DataError, match="2 classes are needed, found 'oak'"):
        made_of(oak=4).require_classes()
    with pytest.raises(DataError, match="carry no label"):
        ImageDataset("bare", Path("bare"), (Item(Path("a.png")),)).require_classes()


def test_every_split_that_is_asked_for_must_be_there(draw: Draw, tmp_path: Path) -> None:
    draw("train/oak/a.png")
    draw("test/oak/b.png")
    dataset = read_dataset(tmp_path)
    assert len(dataset.split("train", "test", "train")) == 2
    with pytest.raises(DataError, match="no image in split nope or val\n") as error:
        dataset.split("train", "nope", "val")
    assert error.value.hint == "splits of this data: test, train"


def test_a_message_names_the_manifest_where_there_is_one(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    (tmp_path / "own.csv").write_text("path,label\na.png,oak\n")
    listed = read_dataset(tmp_path / "own.csv")
    with pytest.raises(DataError, match=r"own\.csv: 2 classes are needed, found 'oak'"):
        listed.require_classes()
    with pytest.raises(DataError, match=r"own\.csv: no image in split train"):
        listed.subset([0]).split("train")


def test_held_out_classes_are_disjoint_and_always_the_same() -> None:
    dataset = made_of(**{f"class_{n}": 3 for n in range(50)})
    split = hold_out(dataset)
    train, test = split.split("train"), split.split("test")
    assert {i.labels for i in train.items}.isdisjoint(i.labels for i in test.items)
    assert (len(train), len(test)) == (120, 30)
    assert hold_out(dataset) == split
    assert hold_out(made_of(oak=1, ash=1), share=0.9).splits == {"train", "test"}


def test_images_without_labels_are_held_out_by_name_wherever_they_lie() -> None:
    def splits(root: Path) -> list[str]:
        items = tuple(Item(root / f"{n}.png") for n in range(10))
        return [item.split for item in hold_out(ImageDataset("named", root, items)).items]

    assert splits(Path("here")) == splits(Path("/there"))
    assert sorted(splits(Path("here"))) == ["test"] * 2 + ["train"] * 8


def test_a_class_of_one_image_is_not_held_out() -> None:
    dataset = hold_out(made_of(oak=4, ash=4, **{f"single_{n}": 1 for n in range(50)}), share=0.5)
    assert {item.labels[0] for item in dataset.split("test").items} < {"oak", "ash"}
    assert len(hold_out(made_of(oak=1, ash=1, elm=1)).split("test")) == 1


def test_a_new_class_hardly_moves_the_others_between_splits() -> None:
    names = [f"class_{n}" for n in range(100)]
    assert len(set(choose(names, 0.2)) & set(choose([*names, "new"], 0.2))) >= 19


def test_one_class_cannot_be_split() -> None:
    with pytest.raises(DataError, match="2 classes are needed"):
        hold_out(made_of(oak=4))
