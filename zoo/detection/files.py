"""A checked part as the COCO file that mmdetection reads: what was checked is trained on."""

import json
from pathlib import Path
from typing import Any

from zoo.data.boxes.boxed import BoxedImage, BoxedSet
from zoo.files import write_text


def write_part(part: BoxedSet, file: Path) -> Path:
    """Write the part's images and boxes; every id counts from 1, since 0 means "none" to COCO.

    VOC's boxes keep its own reckoning, in which the last pixel is the right edge: so its AP is
    measured, with one pixel added to every side.
    """
    edge = 1.0 if part.layout == "voc" else 0.0
    boxes = [
        {**box, "id": place}
        for place, box in enumerate(
            (
                box
                for number, image in enumerate(part.images, 1)
                for box in _boxes(image, number, edge)
            ),
            start=1,
        )
    ]
    images = [
        {"id": n, "file_name": str(i.path.absolute()), "width": i.width, "height": i.height}
        for n, i in enumerate(part.images, start=1)
    ]
    categories = [{"id": n, "name": name} for n, name in enumerate(part.labels, start=1)]
    file.parent.mkdir(parents=True, exist_ok=True)
    value = {"images": images, "annotations": boxes, "categories": categories}
    write_text(file, json.dumps(value))
    return file


def _boxes(image: BoxedImage, number: int, edge: float) -> list[dict[str, Any]]:
    return [
        {
            "image_id": number,
            "category_id": int(label) + 1,
            "bbox": [left, top, right - left - edge, bottom - top - edge],
            "area": float(area),
            "iscrowd": int(ignored),
        }
        for (left, top, right, bottom), label, area, ignored in zip(
            image.edges.tolist(), image.labels, image.areas, image.ignored, strict=True
        )
    ]
