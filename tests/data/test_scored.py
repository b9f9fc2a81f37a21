"""Reading what an image should be scored: VOC labels and attribute columns."""

import json
from pathlib import Path

import PIL.Image
import pytest
import torch

from zoo.data.scored import ScoredSet, learnable, read_labels, read_values, read_voc_scores
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


def test_a_column_becomes_one_target_an_image(table: Path) -> None:
    training, test = read_values(table, ("train", "test"), "size")
    assert training.outputs == ("size",)
    assert training.targets.equal(torch.tensor([[1.5], [-2.0]]))
    assert test.targets.equal(torch.tensor([[7.0], [8.0]]))
    assert not training.ignored.any()


def test_the_only_column_of_numbers_needs_no_name(table: Path) -> None:
    assert read_values(table, ["train"])[0].outputs == ("size",)
    table.write_text(table.read_text().replace(",t", ",3,t").replace(",split", ",by,split"))
    with pytest.raises(DataError, match="2 columns of numbers") as error:
        read_values(table, ["train"])
    assert "by, size" in error.value.hint


@pytest.mark.parametrize("bad", ["tall", "nan", "inf", "", "1_0"])
def test_rows_without_a_number_are_named(table: Path, bad: str) -> None:
    table.write_text(table.read_text().replace("-2", bad).replace("8", bad))
    with pytest.raises(DataError, match="column size: 2 rows hold no number: row 3") as error:
        read_values(table, ["train"], "size")
    assert f"row 5 ({bad!r})" in str(error.value)


def test_a_missing_column_and_a_constant_one_are_errors(table: Path) -> None:
    with pytest.raises(DataError, match="no numbers in a column 'weight'") as error:
        read_values(table, ["train"], "weight")
    assert "size" in error.value.hint
    table.write_text(table.read_text().replace(",8", ",7"))
    with pytest.raises(DataError, match="no two different values"):
        read_values(table, ["test"], "size")


def labelled(table: Path, rows: str, suffix: str = ".csv") -> Path:
    """A manifest over the four images of `table`."""
    path = table.with_name(f"labels{suffix}")
    path.write_text(rows)
    return path


CSV = "path,labels\na.png,cat;dog\nb.png,\nc.png, dog ;\nd.png,cow\n"


def test_labels_are_read_from_a_column_however_they_are_written(table: Path) -> None:
    rows = [
        {"path": "a.png", "labels": ["cat", "dog"]},
        {"path": "b.png", "labels": []},
        {"path": "c.png", "labels": "dog"},
        {"path": "d.png", "labels": ["cow"]},
    ]
    lines = labelled(table, "".join(json.dumps(row) + "\n" for row in rows), ".jsonl")
    for path in (labelled(table, CSV), lines):
        found = {
            p.name: row for part in read_labels(path, ("train", "test")) for p, row in named(part)
        }
        assert found == {
            "a.png": {"cat", "dog"},
            "b.png": set(),
            "c.png": {"dog"},
            "d.png": {"cow"},
        }


def named(part: ScoredSet) -> list[tuple[Path, set[str]]]:
    rows = [{n for n, held in zip(part.outputs, row, strict=True) if held} for row in part.targets]
    return list(zip(part.paths, rows, strict=True))


def test_a_named_column_and_splits_are_followed(table: Path) -> None:
    rows = "path,split,tags\na.png,train,x;y\nb.png,train,x\nc.png,val,y\nd.png,val,x\n"
    training, test = read_labels(labelled(table, rows), ("train", "test"), "tags")
    assert [path.name for path in training.paths] == ["a.png", "b.png"]
    assert [names for _, names in named(test)] == [{"y"}, {"x"}]  # val stands in for test


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ('{"path": "a.png", "labels": ["x"]}\n{"path": "b.png"}\n', "missing in 1 rows: row 2"),
        ('{"path": "a.png", "labels": [3]}\n{"path": "b.png", "labels": []}\n', "row 1: .* names"),
        ('{"path": "a.png", "labels": []}\n{"path": "b.png", "labels": []}\n', "no image has"),
        ('{"path": "a.png", "tag": "x"}\n{"path": "b.png", "tag": "y"}\n', "no column labels"),
    ],
)
def test_rows_that_say_no_classes_are_named(table: Path, rows: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_labels(labelled(table, rows, ".jsonl"), ["train"])


def test_boxes_are_labels_of_their_images(table: Path) -> None:
    box = {"bbox": [0, 0, 4, 4], "id": 1}
    coco = {
        "images": [
            {"id": n, "file_name": f"{c}.png", "width": 8, "height": 8}
            for n, c in enumerate("abcd", 1)
        ],
        "categories": [{"id": 1, "name": "nut"}, {"id": 2, "name": "bolt"}],
        "annotations": [
            {**box, "id": 1, "image_id": 1, "category_id": 2},
            {**box, "id": 2, "image_id": 1, "category_id": 2},
            {**box, "id": 3, "image_id": 2, "category_id": 1},
            {**box, "id": 4, "image_id": 3, "category_id": 1, "iscrowd": 1},
        ],
    }
    (table.parent / "instances_train.json").write_text(json.dumps(coco))
    (table.parent / "instances_test.json").write_text(json.dumps(coco))
    training, _ = read_labels(table.parent, ("train", "test"))
    assert [names for _, names in named(training)] == [{"bolt"}, {"nut"}, set(), set()]
    assert training.ignored.nonzero().tolist() == [[2, training.outputs.index("nut")]]


def test_class_folders_are_labels(tmp_path: Path) -> None:
    for name in ("ash/1", "ash/2", "oak/1", "oak/2"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        PIL.Image.new("RGB", (8, 8)).save(tmp_path / f"{name}.png")
    training, test = read_labels(tmp_path, ("train", "test"))
    assert training.outputs == test.outputs == ("ash", "oak")
    assert training.targets.tolist() == test.targets.tolist() == [[1, 0], [0, 1]]


def test_what_cannot_be_learnt_is_left_out_with_a_word(
    table: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows = "path,split,labels\na.png,train,x\nb.png,train,y\nc.png,test,x;new\nd.png,test,y\n"
    training, test = learnable(*read_labels(labelled(table, rows), ("train", "test")))
    assert training.outputs == test.outputs == ("x", "y")
    assert "classes new" in caplog.text
    assert test.with_outputs(("y", "z")).targets.tolist() == [[0, 0], [1, 0]]
    with pytest.raises(DataError, match="none of those"):
        test.with_outputs(("z",))
