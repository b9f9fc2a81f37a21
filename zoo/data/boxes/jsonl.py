"""One JSON object a line and image: `{"path": …, "split": …, "objects": [{"label", "box"}]}`.

The Hub's `metadata.jsonl` is read too, with `{"objects": {"bbox": […], "categories": […]}}`.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from zoo.data.boxes.boxed import BoxedSet, Policies
from zoo.data.boxes.entries import Box, Edges, Entry, ImageFinder, boxed_set, number
from zoo.data.reader import read_text
from zoo.data.splits import split_of
from zoo.errors import DataError
from zoo.files import Blame, as_object, parse_json

SOURCE = (
    '{"path": "a.jpg", "objects": [{"label": "cat", "box": [left, top, right, bottom]}]} a line'
)
BLAME = Blame(DataError, SOURCE)
_PATHS = ("path", "file_name", "image")
_LABELS = ("label", "labels", "category", "categories")
_Object = tuple[str, str, Callable[[int, int], Edges]]


def read_jsonl(file: Path, split: str = "", policies: Policies = Policies()) -> BoxedSet:
    """Read the images of a split, or all of them; the labels are those of the whole file.

    Raises:
        DataError: naming the file, the line and the value at fault.
    """
    rows = [(where, row, list(_objects(where, row))) for where, row in jsonl_rows(file)]
    labels = tuple(sorted({label for _, _, objects in rows for _, label, _ in objects}))
    finder = ImageFinder(file.parent, [file.parent, file.parent / "images"])
    entries = [
        Entry(
            where,
            finder.find(where, _path(where, row)),
            tuple(Box(at, labels.index(label), edges) for at, label, edges in objects),
        )
        for where, row, objects in rows
        if not split or split_of(str(row.get("split", ""))) == split
    ]
    return boxed_set("jsonl", file, labels, entries, policies)


def jsonl_rows(file: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield (file and line, object) of a file with one JSON object a line.

    Raises:
        DataError: naming the line that is none, or whose split is none.
    """
    for place, line in enumerate(read_text(file, SOURCE).split("\n"), start=1):
        if not line.strip():
            continue
        where = f"{file} row {place}"
        row = as_object(parse_json(line, where, BLAME), where, BLAME)
        named = row.get("split")
        if named is not None and not (isinstance(named, str) and split_of(named)):
            raise DataError(f"{where}, split: {named!r} is no split", "train, val or test")
        yield where, row


def _path(where: str, row: Mapping[str, Any]) -> str:
    value = next((row[key] for key in _PATHS if key in row), None)
    if not isinstance(value, str) or not value.strip():
        raise DataError(f"{where}: path is {value!r}, not the name of a file", SOURCE)
    return value


def _objects(where: str, row: Mapping[str, Any]) -> Iterator[_Object]:
    objects = row.get("objects", row.get("boxes"))
    if isinstance(objects, dict):
        objects = _columns(where, objects)
    if not isinstance(objects, list):
        raise DataError(f"{where}: objects is {_short(objects)}, not a list", SOURCE)
    for place, thing in enumerate(objects, start=1):
        at = f"{where}, object {place}"
        if not isinstance(thing, dict):
            raise DataError(f"{at}: {_short(thing)} is not an object", SOURCE)
        label = next((thing[key] for key in _LABELS if key in thing), None)
        if isinstance(label, bool) or not isinstance(label, str | int) or not str(label).strip():
            raise DataError(f"{at}: label is {_short(label)}, not a name", SOURCE)
        yield at, str(label).strip(), _edges(at, thing)


def _columns(where: str, objects: Mapping[str, Any]) -> list[dict[str, Any]]:
    labels = next((objects[key] for key in _LABELS if key in objects), None)
    boxes = objects.get("bbox")
    if not isinstance(boxes, list) or not isinstance(labels, list) or len(boxes) != len(labels):
        raise DataError(f"{where}: objects needs bbox and categories, equally long lists", SOURCE)
    return [{"label": label, "bbox": box} for label, box in zip(labels, boxes, strict=True)]


def _edges(where: str, thing: Mapping[str, Any]) -> Callable[[int, int], Edges]:
    kind = "box" if "box" in thing else "bbox"
    box = thing.get(kind)
    if not isinstance(box, list) or len(box) != 4:
        meaning = "left, top, right, bottom" if kind == "box" else "x, y, width, height"
        raise DataError(f"{where}: {kind} {_short(box)} is not [{meaning}]", SOURCE)
    a, b, c, d = (number(where, f"{kind} {box}", side) for side in box)
    return lambda *_: (a, b, c, d) if kind == "box" else (a, b, a + c, b + d)


def _short(value: object) -> str:
    text = "missing" if value is None else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"
