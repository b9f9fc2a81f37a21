import json
from pathlib import Path
from typing import Literal

import pytest
from PIL import Image
from typer.testing import CliRunner

from cli.main import app
from zoo.data.dataset import ImageDataset, Item, read_dataset
from zoo.data.split import Shares, check_manifest_name, refuse_boxes, split_dataset
from zoo.errors import DataError, UsageError


def made(classes: int, per_class: int, **more: object) -> ImageDataset:
    items = [
        Item(Path(f"c{n}/{i}.png"), (f"c{n}",)) for n in range(classes) for i in range(per_class)
    ]
    return ImageDataset("made", Path(), tuple(items), ("label",), **more)  # type: ignore[arg-type]


def of(dataset: ImageDataset, split: str) -> set[str]:
    return {item.labels[0] for item in dataset.items if item.split == split}


def test_classes_are_held_out_whole() -> None:
    done = split_dataset(made(10, 3), Shares("class", test=0.2, val=0.1))
    parts = [of(done, split) for split in ("train", "val", "test")]
    assert [len(part) for part in parts] == [7, 1, 2]
    assert len(set.union(*parts)) == 10


def test_items_are_held_out_of_every_class() -> None:
    done = split_dataset(made(5, 10), Shares("item", test=0.3, val=0.2))
    assert of(done, "train") == of(done, "test") == of(done, "val")
    counts = [sum(i.split == split for i in done.items) for split in ("train", "val", "test")]
    assert counts == [25, 10, 15]


def test_a_seed_gives_one_split_and_another_gives_another() -> None:
    first = split_dataset(made(40, 2), Shares(seed=1))
    assert split_dataset(made(40, 2), Shares(seed=1)) == first
    assert of(split_dataset(made(40, 2), Shares(seed=2)), "test") != of(first, "test")


def test_a_class_of_one_image_trains() -> None:
    done = split_dataset(made(4, 1), Shares("class"))
    assert len(of(done, "test")) == 1
    with pytest.raises(DataError, match="leave none for test"):
        split_dataset(made(4, 1), Shares("item"))


@pytest.mark.parametrize(("by", "classes", "each"), [("class", 2, 3), ("item", 3, 2)])
def test_a_share_to_validate_on_that_gets_nothing_is_refused(
    by: Literal["class", "item"], classes: int, each: int
) -> None:
    assert split_dataset(made(classes, each), Shares(by, test=0.5)).splits
    with pytest.raises(DataError, match="leave none for val"):
        split_dataset(made(classes, each), Shares(by, test=0.5, val=0.2))


@pytest.mark.parametrize(
    ("test", "val"), [(0.0, 0.1), (1.0, 0.0), (0.6, 0.4), (-0.1, 0.0), (0.2, -1.0)]
)
def test_shares_that_leave_nothing_are_refused(test: float, val: float) -> None:
    with pytest.raises(UsageError, match="leave no sensible rest"):
        Shares(test=test, val=val)


def test_what_cannot_be_split_is_refused() -> None:
    with pytest.raises(DataError, match="2 classes are needed"):
        split_dataset(made(1, 4), Shares("class"))
    done = split_dataset(made(4, 4), Shares())
    with pytest.raises(DataError, match="has splits already: test, train"):
        split_dataset(done, Shares())


def test_a_csv_has_room_for_one_caption() -> None:
    item = Item(Path("a.png"), captions=("a", "b"))
    dataset = ImageDataset("made", Path(), (item,))
    with pytest.raises(UsageError, match="one caption an image"):
        check_manifest_name(Path("a.csv"), dataset)
    check_manifest_name(Path("a.jsonl"), dataset)
    with pytest.raises(UsageError, match="no manifest"):
        check_manifest_name(Path("a.txt"), dataset)


def test_the_manifest_that_is_written_is_what_training_reads(tmp_path: Path) -> None:
    for label in ("oak", "ash", "elm"):
        (tmp_path / "trees" / label).mkdir(parents=True)
        for n in range(2):
            Image.new("RGB", (8, 8), (n, 0, 0)).save(tmp_path / f"trees/{label}/{n}.png")
    out = tmp_path / "list.csv"
    arguments = ["data", "split", str(tmp_path / "trees"), "--out", str(out), "--json"]
    assert CliRunner().invoke(app, arguments).exit_code == 0
    dataset = read_dataset(out)
    assert len(dataset) == 6
    assert dataset.splits == {"train", "test"}
    again = CliRunner().invoke(app, arguments)
    assert isinstance(again.exception, UsageError)


def test_other_columns_of_a_manifest_are_kept(tmp_path: Path) -> None:
    for name in ("a.png", "b.png", "c.png", "d.png"):
        Image.new("RGB", (8, 8)).save(tmp_path / name)
    rows = "".join(f"{n}.png,{n},{i}.5\n" for i, n in enumerate("abcd"))
    (tmp_path / "in.csv").write_text(f"path,label,score\n{rows}")
    out = tmp_path / "out.csv"
    arguments = ["data", "split", str(tmp_path / "in.csv"), "--out", str(out)]
    assert CliRunner().invoke(app, arguments).exit_code == 0
    assert [item.extra["score"] for item in read_dataset(out).items] == ["0.5", "1.5", "2.5", "3.5"]


BOX = {"label": "cat", "box": [0, 0, 4, 4]}
COCO: dict[str, list[object]] = {"images": [], "annotations": [], "categories": []}


@pytest.mark.parametrize(
    ("name", "content", "given", "said"),
    [
        ("instances_all.json", json.dumps(COCO), "instances_all.json", "is no manifest"),
        ("annotations/instances_all.json", json.dumps(COCO), "", "annotates boxes"),
        ("m.jsonl", json.dumps({"path": "a/0.png", "objects": [BOX]}), "m.jsonl", "annotates box"),
        ("data.yaml", "names: [cat]\ntrain: a\n", "", "annotates boxes"),
        ("data.yaml", "names: [cat]\ntrain: a\n", "data.yaml", "is no manifest"),
        ("notes.txt", "", "notes.txt", "is no manifest"),
    ],
)
def test_boxes_and_other_files_are_refused(
    name: str, content: str, given: str, said: str, tmp_path: Path
) -> None:
    for label in "abc":
        (tmp_path / label).mkdir()
        Image.new("RGB", (8, 8)).save(tmp_path / label / "0.png")
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text(content)
    out = tmp_path / "out.csv"
    done = CliRunner().invoke(app, ["data", "split", str(tmp_path / given), "--out", str(out)])
    assert isinstance(done.exception, UsageError)
    assert said in str(done.exception)
    assert not out.exists()


def test_class_folders_beside_what_may_be_annotations_are_split(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "classes.txt").write_text("cat\n")
    refuse_boxes(tmp_path)
    assert "boxes, if it has any, are left out" in caplog.text
