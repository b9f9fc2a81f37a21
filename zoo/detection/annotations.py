"""Annotated parts of a detection set: found in the layouts of COCO and VOC, checked before use."""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal
from xml.etree import ElementTree

from zoo.errors import DataError

VOC_LABELS = (
    *("aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow"),
    *("diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa"),
    *("train", "tvmonitor"),
)


@dataclass(frozen=True)
class Part:
    """One annotated part: a COCO file and its images, or a VOC image set (`annotations`)."""

    layout: Literal["coco", "voc"]
    annotations: Path
    images: Path
    labels: tuple[str, ...] = ()
    count: int = 0
    bad_boxes: int = 0


def find_part(folder: Path, layout: str, name: str, bad_boxes: str = "fail") -> Part:
    """Return the part `name` of the set in `folder`, with its labels, after checking all of it.

    Raises:
        DataError: it is not there, or its annotations are broken; says where.
    """
    found = _find_coco(folder, name) if layout == "coco" else _find_voc(folder, name)
    return check_coco(found, bad_boxes) if layout == "coco" else check_voc(found, bad_boxes)


def _find_coco(folder: Path, name: str) -> Part:
    file = folder / "annotations" / f"instances_{name}.json"
    if not file.is_file():
        raise DataError(f"{file} is missing", "COCO: annotations/instances_<split>.json and images")
    listed: list[dict[str, str]] = _read_json(file).get("images") or [{}]
    first = listed[0].get("file_name", "")
    places = [folder / name, folder / "images" / name, folder / "images", folder]
    places += sorted(folder.glob("*/JPEGImages"))
    images = next((place for place in places if first and (place / first).is_file()), places[0])
    return Part("coco", file, images)


def _find_voc(folder: Path, name: str) -> Part:
    year, _, split = name.partition("/")
    roots = [folder / year, folder / "VOCdevkit" / year, folder]
    root = next((root for root in roots if (root / "Annotations").is_dir()), roots[0])
    file = root / "ImageSets" / "Main" / f"{split}.txt"
    if not file.is_file():
        raise DataError(f"{file} is missing", f"VOC: {year}/ImageSets, Annotations and JPEGImages")
    return Part("voc", file, root)


def check_coco(part: Part, bad_boxes: str = "fail") -> Part:
    """Return the part with its labels; every id, box and image is looked at.

    Raises:
        DataError: names the file, the annotation and the value.
    """
    file, value = part.annotations, _read_json(part.annotations)
    for key in ("images", "annotations", "categories"):
        if not isinstance(value.get(key), list):
            raise DataError(f"{file}: no list {key!r}", "is it a COCO instances file?")
    try:
        images = {image["id"]: image["file_name"] for image in value["images"] if _has_size(image)}
        labels = {entry["id"]: str(entry["name"]) for entry in value["categories"]}
        bad = sum(_is_bad(file, entry, images, labels, bad_boxes) for entry in value["annotations"])
    except (KeyError, TypeError) as error:
        hint = "compare it with COCO's format"
        raise DataError(f"{file}: an entry lacks {error}", hint) from error
    if not images:
        raise DataError(f"{file}: no images")
    for name in images.values():
        if not (part.images / name).is_file():
            raise DataError(f"{file}: image {name} is not in {part.images}")
    return replace(part, labels=tuple(labels.values()), count=len(images), bad_boxes=bad)


def _has_size(image: dict[str, Any]) -> bool:
    return bool(image["width"] > 0 and image["height"] > 0)


def _is_bad(
    file: Path, entry: dict[str, Any], images: dict[int, str], labels: dict[int, str], policy: str
) -> bool:
    """Return whether the annotation's box has no area and may be skipped; raise otherwise."""
    where = f"{file}, annotation {entry['id']}"
    if entry["image_id"] not in images:
        raise DataError(f"{where}: image_id {entry['image_id']} is no image of the file")
    if entry["category_id"] not in labels:
        raise DataError(f"{where}: category_id {entry['category_id']} is no category of the file")
    box = entry["bbox"]
    if not (isinstance(box, list) and len(box) == 4 and all(map(_is_number, box))):
        raise DataError(f"{where}: bbox {box} is not [x, y, width, height]")
    entry["area"], entry["iscrowd"]
    return _without_area(where, box[2], box[3], policy)


def _without_area(where: str, width: float | int, height: float | int, policy: str) -> bool:
    if width > 0 and height > 0:
        return False
    if policy == "skip":
        return True
    hint = "correct it, or leave such boxes out with --set bad_boxes=skip"
    raise DataError(f"{where}: the box is {width} x {height}", hint)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _read_json(file: Path) -> dict[str, Any]:
    try:
        value = json.loads(file.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise DataError(f"{file} line {error.lineno}: {error.msg}", "it is no JSON") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{file}: not UTF-8 text") from error
    if not isinstance(value, dict):
        raise DataError(f"{file}: not a JSON object", "is it a COCO instances file?")
    return value


def check_voc(part: Part, bad_boxes: str = "fail") -> Part:
    """Return the part with its labels: VOC's twenty in their order, or its own in theirs.

    Raises:
        DataError: names the XML file, the object and the value.
    """
    names = part.annotations.read_text(encoding="utf-8").split()
    if not names:
        raise DataError(f"{part.annotations}: no images")
    seen: set[str] = set()
    bad = 0
    for name in names:
        if not (part.images / "JPEGImages" / f"{name}.jpg").is_file():
            raise DataError(f"{part.annotations}: no image {part.images}/JPEGImages/{name}.jpg")
        for label, is_bad in _voc_objects(part.images / "Annotations" / f"{name}.xml", bad_boxes):
            seen.add(label)
            bad += is_bad
    labels = VOC_LABELS if seen <= set(VOC_LABELS) else tuple(sorted(seen))
    return replace(part, labels=labels, count=len(names), bad_boxes=bad)


def _voc_objects(file: Path, policy: str) -> Iterator[tuple[str, bool]]:
    try:
        root = ElementTree.parse(file).getroot()
    except ElementTree.ParseError as error:
        raise DataError(f"{file} line {error.position[0]}: {error}", "it is no XML") from error
    except FileNotFoundError as error:
        raise DataError(f"{file} is missing", "every image of the set needs one") from error
    for number, thing in enumerate(root.findall("object"), start=1):
        where = f"{file}, object {number}"
        label = thing.findtext("name", "").strip()
        if not label:
            raise DataError(f"{where}: no name")
        try:
            left, top, right, bottom = (
                float(thing.findtext(f"bndbox/{side}", "")) for side in _SIDES
            )
        except ValueError as error:
            raise DataError(f"{where}: no whole bndbox", f"it takes {', '.join(_SIDES)}") from error
        # VOC counts the last pixel in: a box is max - min + 1 wide
        yield label, _without_area(where, right - left + 1, bottom - top + 1, policy)


_SIDES = ("xmin", "ymin", "xmax", "ymax")
