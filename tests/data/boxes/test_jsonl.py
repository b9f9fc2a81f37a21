import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from zoo.data.boxes.boxed import BoxedSet
from zoo.data.boxes.jsonl import read_jsonl
from zoo.errors import DataError

Draw = Callable[..., None]
Read = Callable[..., BoxedSet]


@pytest.fixture
def read(tmp_path: Path, images: Draw) -> Read:
    def write(*rows: Any, split: str = "") -> BoxedSet:
        images("a.png", "images/b.png")
        lines = (row if isinstance(row, str) else json.dumps(row) for row in rows)
        (tmp_path / "set.jsonl").write_text("\n".join(lines))
        return read_jsonl(tmp_path / "set.jsonl", split)

    return write


def row(path: str = "a.png", **more: Any) -> dict[str, Any]:
    return {"path": path, "objects": [{"label": "cat", "box": [1, 2, 5, 7]}], **more}


def test_boxes_are_corners_and_bboxes_have_sides(read: Read) -> None:
    part = read(row(), row("b.png", objects=[{"label": "house cat", "bbox": [1, 2, 5, 7]}]))
    assert part.labels == ("cat", "house cat")
    assert [image.edges[0].tolist() for image in part.images] == [[1, 2, 5, 7], [1, 2, 6, 9]]


def test_the_columns_of_the_hub_are_read(read: Read) -> None:
    objects = {"bbox": [[1, 2, 4, 5], [0, 0, 9, 9]], "categories": ["cat", "dog"]}
    part = read({"file_name": "a.png", "objects": objects})
    assert part.images[0].edges.tolist() == [[1, 2, 5, 7], [0, 0, 9, 9]]


def test_a_split_keeps_the_labels_of_the_whole_file(read: Read) -> None:
    other = row("b.png", split="Validation", objects=[{"label": "ape", "box": [0, 0, 2, 2]}])
    part = read(row(split="train"), other, split="val")
    assert part.labels == ("ape", "cat")
    assert [image.path.name for image in part.images] == ["b.png"]


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ("{", "row 1: not JSON"),
        ("[1]", "row 1: not an object"),
        ("[" * 100_000, "row 1: not JSON"),
        ({"objects": []}, "row 1: path is None"),
        (
            row(path=3),  # type: ignore[arg-type]
            "row 1: path is 3",
        ),
        (row("gone.png"), r"row 1: image gone\.png is not in"),
        (row(objects=None), "row 1: objects is missing, not a list"),
        (row(objects=["cat"]), "row 1, object 1: 'cat' is not an object"),
        (row(objects=[{"box": [0, 0, 2, 2]}]), "row 1, object 1: label is missing"),
        (row(objects=[{"label": "cat"}]), "row 1, object 1: bbox missing is not"),
        (row(objects=[{"label": "cat", "box": [1, 2, 3]}]), "object 1: box .* is not .left, top"),
        (row(objects=[{"label": "cat", "box": [1, 2, "3", 4]}]), "is '3', not a number"),
        (row(objects=[{"label": "cat", "box": [5, 2, 1, 4]}]), "object 1: the box is -4 x 2"),
        (row(objects={"bbox": [[1, 2, 3, 4]], "categories": []}), "equally long lists"),
        (row(split="later"), "row 1, split: 'later' is no split"),
    ],
)
def test_what_is_wrong_is_one_line_with_the_row(bad: Any, said: str, read: Read) -> None:
    with pytest.raises(DataError, match=said) as caught:
        read(bad)
    assert "\n" not in str(caught.value)


def test_an_image_may_have_one_row(read: Read) -> None:
    with pytest.raises(DataError, match=r"row 2: image a\.png is also that of .*row 1"):
        read(row(), row())
