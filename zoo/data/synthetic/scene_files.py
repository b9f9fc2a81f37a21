"""Writing annotated scenes the way the field's public sets are laid out: VOC, COCO, Karpathy."""

import csv
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from zoo.data.synthetic.scene_drawing import SceneObject
from zoo.files import write_json, write_text

_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def write_voc_annotation(path: Path, image: str, size: int, objects: Sequence[SceneObject]) -> None:
    """Write the XML of one image; VOC counts pixels from 1 and includes the last one."""
    root = ElementTree.Element("annotation")
    _leaf(root, folder=path.parents[1].name, filename=image)
    _leaf(ElementTree.SubElement(root, "size"), width=size, height=size, depth=3)
    _leaf(root, segmented=0)
    for thing in objects:
        node = ElementTree.SubElement(root, "object")
        _leaf(node, name=thing.name, pose="Unspecified", truncated=int(thing.truncated))
        _leaf(node, difficult=int(thing.difficult), occluded=int(thing.visible < 1))
        left, top, right, bottom = thing.box
        box = ElementTree.SubElement(node, "bndbox")
        _leaf(box, xmin=left + 1, ymin=top + 1, xmax=right, ymax=bottom)
    ElementTree.indent(root)
    path.write_text(ElementTree.tostring(root, encoding="unicode") + "\n", encoding="utf-8")


def write_voc_sets(
    folder: Path,
    splits: Mapping[str, Sequence[str]],
    objects: Mapping[str, Sequence[SceneObject]],
    classes: Sequence[str],
) -> None:
    """Write `<split>.txt` and `<class>_<split>.txt`: 1 present, -1 absent, 0 difficult only."""
    for split, names in splits.items():
        write_text(folder / f"{split}.txt", "".join(f"{name}\n" for name in names))
        for label in classes:
            marks = ((name, _mark(objects[name], label)) for name in names)
            lines = "".join(f"{name} {mark:2d}\n" for name, mark in marks)
            write_text(folder / f"{label}_{split}.txt", lines)


def write_coco(
    folder: Path,
    split: str,
    size: int,
    objects: Mapping[str, Sequence[SceneObject]],
    classes: Sequence[str],
) -> None:
    """Write `instances_<split>.json` and `captions_<split>.json` as COCO does."""
    categories = {name: number for number, name in enumerate(classes, start=1)}
    images, boxes, captions = [], [], []
    for number, (name, things) in enumerate(objects.items(), start=1):
        images.append({"id": number, "file_name": f"{name}.jpg", "width": size, "height": size})
        boxes += [_coco_box(thing, number, categories) for thing in things]
        captions += [{"image_id": number, "caption": text} for text in describe(things)]
    named = [{"id": number, "name": name} for name, number in categories.items()]
    numbered_boxes = [{"id": i, **box} for i, box in enumerate(boxes, start=1)]
    numbered_captions = [{"id": i, **text} for i, text in enumerate(captions, start=1)]
    instances = {"images": images, "annotations": numbered_boxes, "categories": named}
    write_json(folder / f"instances_{split}.json", instances)
    write_json(
        folder / f"captions_{split}.json", {"images": images, "annotations": numbered_captions}
    )


def write_karpathy(
    path: Path,
    filepath: str,
    splits: Mapping[str, Sequence[str]],
    objects: Mapping[str, Sequence[SceneObject]],
) -> None:
    """Write all captions with their splits in the layout of Karpathy's `dataset_*.json`."""
    images: list[dict[str, Any]] = []
    for split, names in splits.items():
        for name in names:
            sentences = [{"raw": text, "tokens": text.split()} for text in describe(objects[name])]
            facts = {"filename": f"{name}.jpg", "filepath": filepath, "split": split}
            images.append({**facts, "imgid": len(images), "sentences": sentences})
    write_json(path, {"dataset": path.stem.removeprefix("dataset_"), "images": images})


def write_attributes(path: Path, rows: Sequence[Mapping[str, object]]) -> None:
    """Write one CSV row per image: its path, split and scalar attributes."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def describe(objects: Sequence[SceneObject]) -> list[str]:
    """Return captions of a scene: what is there, and where the two largest objects stand."""
    if not objects:
        return ["an empty background"]
    counts = Counter(_words(thing) for thing in objects)
    parts = [_counted(name, number) for name, number in counts.items()]
    listed = " and ".join(filter(None, (", ".join(parts[:-1]), parts[-1])))
    captions = [listed, f"an image of {listed}"]
    if len(objects) > 1:
        first, second = sorted(objects, key=lambda thing: -thing.area)[:2]
        side = "left" if _middle(first) < _middle(second) else "right"
        where = f"to the {side} of {_counted(_words(second), 1)}"
        captions.append(f"{_counted(_words(first), 1)} {where}")
    return captions


def _leaf(parent: ElementTree.Element, **values: object) -> None:
    for name, value in values.items():
        ElementTree.SubElement(parent, name).text = str(value)


def _mark(objects: Sequence[SceneObject], label: str) -> int:
    of_label = [thing for thing in objects if thing.name == label]
    if not of_label:
        return -1
    return 0 if all(thing.difficult for thing in of_label) else 1


def _coco_box(thing: SceneObject, image: int, categories: Mapping[str, int]) -> dict[str, Any]:
    left, top, right, bottom = thing.box
    return {
        "image_id": image,
        "category_id": categories[thing.name],
        "bbox": [left, top, right - left, bottom - top],
        "area": thing.area,
        "iscrowd": 0,
        "segmentation": [],
    }


def _middle(thing: SceneObject) -> float:
    return (thing.box[0] + thing.box[2]) / 2


def _words(thing: SceneObject) -> str:
    return thing.name.replace("_", " ").lower()


def _counted(name: str, number: int) -> str:
    if number > 1:
        return f"{_NUMBERS[number] if number < len(_NUMBERS) else number} {name}s"
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"
