"""YOLO: `data.yaml` (or a list of classes) and one text file of boxes beside each image."""

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from zoo.data.boxes.boxed import BoxedSet, Policies
from zoo.data.boxes.entries import Box, Edges, Entry, boxed_set
from zoo.data.item import Skipped
from zoo.data.reader import read_lines, read_text
from zoo.data.tree import images_below, report_left_out
from zoo.errors import DataError
from zoo.files import Blame, is_there, parse_yaml

logger = logging.getLogger("rankzoo")
SOURCE = (
    "YOLO: data.yaml with names, train and val; labels/<image>.txt with `class x y width height`"
)
CLASS_LISTS = ("classes.txt", "obj.names")
_SLACK = 0.01  # of a side: tools round


def read_yolo(file: Path, split: str, policies: Policies = Policies()) -> BoxedSet:
    """Read a split of `data.yaml`, or all images beside a `classes.txt` (its `split` is "").

    Raises:
        DataError: naming the file, the line and the value at fault.
    """
    if file.name in CLASS_LISTS:
        labels, folders = tuple(line.strip() for line in read_lines(file, SOURCE)), [file.parent]
    else:
        value = yolo_config(file)
        labels, folders = _names(file, value), image_folders(file, value, split)
    if twice := next((name for name in labels if labels.count(name) > 1), None):
        raise DataError(f"{file}: two classes are called {twice!r}", "give each its own name")
    left_out: list[Skipped] = []
    paths = [path for folder in folders for path in _images(folder, left_out)]
    report_left_out([one for one in left_out if not one.path.endswith(".txt")])
    texts = {path: _text(path) for path in paths}
    bare = sum(text is None for text in texts.values())
    if bare:
        logger.warning("%s: %d images have no text file: they hold no object", file, bare)
    entries = [
        Entry(str(text or path), path, tuple(_boxes(text, labels)) if text else ())
        for path, text in texts.items()
    ]
    return boxed_set("yolo", file, labels, entries, policies)


def yolo_config(file: Path) -> Mapping[str, Any]:
    """Return the content of a `data.yaml`.

    Raises:
        DataError: it is no YAML, or no table with `names`.
    """
    value = parse_yaml(read_text(file, SOURCE), file, Blame(DataError, SOURCE))
    if not isinstance(value, dict) or "names" not in value:
        raise DataError(f"{file}: no names", SOURCE)
    return value


def image_folders(file: Path, value: Mapping[str, Any], split: str) -> list[Path]:
    """Return the image folders (or lists of images) of a split; [] when it has none.

    Raises:
        DataError: a folder that it names is not there.
    """
    stated = value.get(split) or []
    stated = stated if isinstance(stated, list) else [stated]
    base = file.parent / str(value.get("path") or "")
    found = []
    for one in stated:
        # Roboflow writes ../train/images for the folder train/images beside the file.
        inside = str(one).removeprefix("../")
        places = [base / str(one), file.parent / str(one), file.parent / inside]
        place = next((p for p in places if is_there(p)), None)
        if place is None:
            raise DataError(f"{file}: {split} is {one!r}, which is not there", SOURCE)
        found.append(place)
    return found


def _names(file: Path, value: Mapping[str, Any]) -> tuple[str, ...]:
    names = value["names"]
    if isinstance(names, dict):
        if set(names) != set(range(len(names))):
            raise DataError(f"{file}: names are not numbered 0 to {len(names) - 1}", SOURCE)
        names = [names[number] for number in range(len(names))]
    if not isinstance(names, list) or not all(isinstance(n, str | int) for n in names):
        raise DataError(f"{file}: names are no list of names", SOURCE)
    return tuple(str(name).strip() for name in names)


def _images(folder: Path, left_out: list[Skipped]) -> list[Path]:
    if folder.is_dir():
        return list(images_below(folder, left_out))
    lines = (Path(line.strip()) for line in read_lines(folder, SOURCE))
    return [line if line.is_absolute() else folder.parent / line for line in lines]


def _text(image: Path) -> Path | None:
    """Return the boxes of an image: in `labels` where its path says `images`, or beside it."""
    parts = list(image.with_suffix(".txt").parts)
    places = [image.with_suffix(".txt")]
    if "images" in parts:
        last = len(parts) - 1 - parts[::-1].index("images")
        places.insert(0, Path(*parts[:last], "labels", *parts[last + 1 :]))
    return next((place for place in places if is_there(place, file=True)), None)


def _boxes(text: Path, labels: tuple[str, ...]) -> list[Box]:
    boxes = []
    for place, line in enumerate(read_text(text, SOURCE).splitlines(), start=1):
        if not line.strip():
            continue
        where = f"{text} line {place}"
        try:
            label, *numbers = (float(cell) for cell in line.split())
        except ValueError as error:
            raise DataError(f"{where}: {line.strip()[:60]!r} is not all numbers", SOURCE) from error
        if not label.is_integer() or not 0 <= label < len(labels):
            raise DataError(f"{where}: class {label:g} is none of the {len(labels)} names", SOURCE)
        boxes.append(Box(where, int(label), _edges(where, numbers)))
    return boxes


def _edges(where: str, numbers: list[float]) -> Callable[[int, int], Edges]:
    outside = next((n for n in numbers if not -_SLACK <= n <= 1 + _SLACK), None)
    if outside is not None:
        raise DataError(f"{where}: {outside:g} is no share of the image, 0 to 1", SOURCE)
    if len(numbers) == 4:
        x, y, width, height = numbers
        left, top, right, bottom = x - width / 2, y - height / 2, x + width / 2, y + height / 2
    elif len(numbers) >= 6 and len(numbers) % 2 == 0:  # the corners of an outline
        xs, ys = numbers[::2], numbers[1::2]
        left, top, right, bottom = min(xs), min(ys), max(xs), max(ys)
    else:
        raise DataError(f"{where}: {len(numbers)} numbers after the class, not 4", SOURCE)
    return lambda wide, high: (left * wide, top * high, right * wide, bottom * high)
