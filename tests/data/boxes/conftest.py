"""Small detection sets to break."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

Coco = dict[str, Any]


@pytest.fixture
def images(tmp_path: Path) -> Callable[..., None]:
    """Return a function that draws images of 20 x 10 pixels below the test's folder."""

    def draw(*names: str, size: tuple[int, int] = (20, 10)) -> None:
        for name in names:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", size).save(tmp_path / name)

    return draw


@pytest.fixture
def coco() -> Coco:
    """Two images, two classes, two boxes, with ids in no order."""
    sides = {"width": 20, "height": 10}
    return {
        "images": [{"id": 9, "file_name": "a.png", **sides}, {"id": 0, "file_name": "b.png"}],
        "categories": [{"id": 7, "name": "cat"}, {"id": 3, "name": "house cat"}],
        "annotations": [
            {"id": 0, "image_id": 9, "category_id": 3, "bbox": [1, 2, 4, 5], "area": 12},
            {"image_id": 0, "category_id": 7, "bbox": [0, 0, 20, 10], "iscrowd": 1},
        ],
    }
