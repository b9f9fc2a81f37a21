"""The parsers of boxes: what labelling tools write, sound and small."""

import json
from pathlib import Path
from typing import Any

from tests.fuzz_parser import CLASSES, Parser, pixels
from zoo.data.boxes import layouts
from zoo.data.boxes.boxed import Policies


def boxes() -> list[Parser]:
    """Return the readers of COCO, YOLO, VOC and JSON lines."""

    def read(folder: Path) -> object:
        return [part.read(Policies()) for part in layouts.find_parts(folder)]

    return [
        Parser("COCO", ("train/_annotations.coco.json",), _coco, read),
        Parser("YOLO", ("data.yaml", "labels/train/0.txt"), _yolo, read),
        Parser("VOC", ("0.xml",), _voc, read),
        Parser("boxes jsonl", ("metadata.jsonl",), _box_lines, read),
    ]


def _coco(folder: Path) -> None:
    for split in ("train", "valid"):
        names = pixels(folder / split, 4)
        value: dict[str, Any] = {
            "images": [
                {"id": n, "file_name": x, "width": 24, "height": 16} for n, x in enumerate(names)
            ],
            "categories": [
                {"id": n, "name": x, "supercategory": "a"} for n, x in enumerate(CLASSES)
            ],
            "annotations": [
                {
                    "id": n,
                    "image_id": n,
                    "category_id": n % 2,
                    "bbox": [2, 3, 8, 9],
                    "area": 72,
                    "iscrowd": 0,
                }
                for n in range(4)
            ],
        }
        file = folder / split / "_annotations.coco.json"
        file.write_text(json.dumps(value), encoding="utf-8")


def _yolo(folder: Path) -> None:
    for split in ("train", "val"):
        names = pixels(folder / "images" / split, 3)
        texts = folder / "labels" / split
        texts.mkdir(parents=True)
        for n, name in enumerate(names):
            line = f"{n % 2} 0.5 0.5 0.25 0.5\n"
            (texts / name).with_suffix(".txt").write_text(line, encoding="utf-8")
    (folder / "data.yaml").write_text(
        "path: .\ntrain: images/train\nval: images/val\nnc: 2\nnames: [cat, dog]\n",
        encoding="utf-8",
    )


def _voc(folder: Path) -> None:
    for n, name in enumerate(pixels(folder, 3)):
        (folder / f"{n}.xml").write_text(
            f"<annotation><filename>{name}</filename>"
            "<size><width>24</width><height>16</height><depth>3</depth></size>"
            f"<object><name>{CLASSES[n % 2]}</name><difficult>0</difficult><bndbox><xmin>2</xmin>"
            "<ymin>3</ymin><xmax>9</xmax><ymax>12</ymax></bndbox></object></annotation>",
            encoding="utf-8",
        )


def _box_lines(folder: Path) -> None:
    rows = [
        {"file_name": name, "objects": [{"label": CLASSES[n % 2], "bbox": [2, 3, 9, 12]}]}
        for n, name in enumerate(pixels(folder, 3))
    ]
    text = "\n".join(json.dumps(row) for row in rows)
    (folder / "metadata.jsonl").write_text(text, encoding="utf-8")
