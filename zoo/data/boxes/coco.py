"""COCO's instances files, from COCO itself or from a labelling tool."""

import logging
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from zoo.data.boxes.boxed import BoxedSet, Policies
from zoo.data.boxes.entries import Box, Edges, Entry, ImageFinder, boxed_set, number, size_stated
from zoo.data.reader import read_json
from zoo.errors import DataError

logger = logging.getLogger("rankzoo")
SOURCE = "COCO: images with id and file_name, annotations with image_id, category_id and bbox"


def read_coco(
    file: Path, root: Path, places: Sequence[Path], policies: Policies = Policies()
) -> BoxedSet:
    """Read an instances file whose images lie in one of `places`, or anywhere below `root`.

    Ids serve to connect the file's entries and go no further: which numbers they are, and whether
    annotations have any, changes nothing.

    Raises:
        DataError: naming the file, the entry and the value at fault.
    """
    value = read_json(file, SOURCE)
    if not isinstance(value, dict):
        raise DataError(f"{file}: not a JSON object", SOURCE)
    images = _by_id(file, value, "images", "image")
    categories = _categories(file, value)
    labels = {key: place for place, key in enumerate(categories)}
    boxes: dict[Hashable, list[Box]] = {key: [] for key in images}
    for where, entry in _annotations(file, value):
        box = _box(where, entry, labels)
        image = _id(where, entry, "image_id")
        if image not in boxes:
            raise DataError(f"{where}: image_id {image!r} is no image of the file")
        boxes[image].append(box)
    finder = ImageFinder(root, places)
    entries = [_entry(file, finder, key, entry, boxes[key]) for key, entry in images.items()]
    if finder.by_name:
        logger.warning(
            "%s: %d images are not where it says, and were found by name", file, finder.by_name
        )
    return boxed_set("coco", file, tuple(categories.values()), entries, policies)


def _entry(
    file: Path, finder: ImageFinder, key: Hashable, image: Mapping[str, Any], boxes: list[Box]
) -> Entry:
    where = f"{file}, image {key}"
    name = image.get("file_name")
    if not isinstance(name, str) or not name.strip():
        raise DataError(f"{where}: file_name is {name!r}, not the name of a file", SOURCE)
    size = size_stated(image.get("width"), image.get("height"))
    return Entry(where, finder.find(where, name), tuple(boxes), size)


def _box(where: str, entry: Mapping[str, Any], labels: Mapping[Hashable, int]) -> Box:
    category = _id(where, entry, "category_id")
    if category not in labels:
        raise DataError(f"{where}: category_id {category!r} is no category of the file")
    box = entry.get("bbox")
    if not isinstance(box, list) or len(box) != 4:
        raise DataError(f"{where}: bbox {_short(box)} is not [x, y, width, height]", SOURCE)
    left, top, width, height = (number(where, f"bbox {box}", side) for side in box)
    area = entry.get("area")
    area = None if area is None else number(where, "area", area)
    if area is not None and area < 0:
        raise DataError(f"{where}: area is {area:g}, less than nothing")
    crowd = entry.get("iscrowd", 0)
    if crowd is not None and crowd not in (0, 1):
        raise DataError(f"{where}: iscrowd is {_short(crowd)}, not 0 or 1")
    return Box(where, labels[category], _fixed(left, top, width, height), area, bool(crowd))


def _fixed(left: float, top: float, width: float, height: float) -> Callable[[int, int], Edges]:
    return lambda *_: (left, top, left + width, top + height)


def _annotations(file: Path, value: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    seen: set[Hashable] = set()
    for place, entry in enumerate(_list(file, value, "annotations")):
        where = f"{file}, annotation {place} of the list"
        if not isinstance(entry, dict):
            raise DataError(f"{where}: {_short(entry)} is not an object", SOURCE)
        if entry.get("id") is not None:
            key = _id(where, entry, "id")
            where = f"{file}, annotation {key}"
            if key in seen:
                raise DataError(f"{where}: two annotations have this id", "number them anew")
            seen.add(key)
        yield where, entry


def _categories(file: Path, value: Mapping[str, Any]) -> dict[Hashable, str]:
    entries = _by_id(file, value, "categories", "category")
    names: dict[Hashable, str] = {}
    for key, entry in entries.items():
        name = entry.get("name")
        if not isinstance(name, str) or not name.strip():
            raise DataError(f"{file}, category {key}: name is {_short(name)}, not a name", SOURCE)
        names[key] = name.strip()
    group = _group(entries, value)
    if group is not None:
        logger.warning(
            "%s: category %s is the group of the others and has no box: it is left out",
            file,
            names.pop(group),
        )
    twice = next((n for n in names.values() if list(names.values()).count(n) > 1), None)
    if twice is not None:
        raise DataError(f"{file}: two categories are called {twice!r}", "give each its own name")
    return names


def _group(entries: Mapping[Hashable, Any], value: Mapping[str, Any]) -> Hashable | None:
    """Return the category that Roboflow writes first: the supercategory of all, without boxes."""
    first, *others = entries or [None]
    if not others:
        return None
    name = entries[first].get("name")
    if any(entries[key].get("supercategory") != name for key in others):
        return None
    used = any(isinstance(a, dict) and a.get("category_id") == first for a in value["annotations"])
    return None if used else first


def _by_id(file: Path, value: Mapping[str, Any], key: str, one: str) -> dict[Hashable, Any]:
    found: dict[Hashable, Any] = {}
    for place, entry in enumerate(_list(file, value, key)):
        where = f"{file}, {one} {place} of the list"
        if not isinstance(entry, dict):
            raise DataError(f"{where}: {_short(entry)} is not an object", SOURCE)
        number_ = _id(where, entry, "id")
        if number_ in found:
            raise DataError(f"{file}, {one} {number_}: two have this id", "number them anew")
        found[number_] = entry
    return found


def _id(where: str, entry: Mapping[str, Any], key: str) -> int | str:
    value = entry.get(key)
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise DataError(f"{where}: {key} is {_short(value)}, not an id", SOURCE)
    return value


def _list(file: Path, value: Mapping[str, Any], key: str) -> list[Any]:
    found = value.get(key)
    if not isinstance(found, list):
        raise DataError(f"{file}: no list {key!r}", SOURCE)
    return found


def _short(value: object) -> str:
    text = "missing" if value is None else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"
