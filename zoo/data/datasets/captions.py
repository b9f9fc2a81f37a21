"""Images with captions in Karpathy's splits: COCO, Flickr30k, and our scenes.

`dataset_coco.json` beside `train2014/` and `val2014/`; `dataset_flickr30k.json` beside
`flickr30k-images/`.
"""

from pathlib import Path
from typing import Any

from zoo.data.item import Item
from zoo.data.reader import Layout, Reading, read_json
from zoo.errors import DataError
from zoo.files import is_there

SOURCE = (
    "dataset_coco.json and dataset_flickr30k.json come in caption_datasets.zip from "
    "cs.stanford.edu/people/karpathy/deepimagesent; the images from cocodataset.org, or "
    "shannon.cs.illinois.edu/DenotationGraph for Flickr30k"
)
_SPLITS = {"train": "train", "restval": "train", "val": "val", "test": "test"}
_FOLDERS = ("", "images", "flickr30k-images", "flickr30k_images")


def read_captions(root: Path) -> Reading:
    """Return all images with their captions; each is a class of its own.

    COCO's `restval` images, of its validation set but in no split, train as the field has it.
    """
    path = next(iter(sorted(root.glob("dataset_*.json"))), root / "dataset_coco.json")
    content = read_json(path, SOURCE)
    if not isinstance(content, dict) or not isinstance(content.get("images"), list):
        raise DataError(f"{path}: holds no list of images", SOURCE)
    items = [_item(path, n, entry) for n, entry in enumerate(content["images"])]
    folder = next((f for f in _FOLDERS if items and is_there(root / f / items[0].path)), "")
    placed = [
        Item(root / folder / item.path, item.labels, item.split, item.captions) for item in items
    ]
    return placed, ("image",)


def _item(path: Path, number: int, entry: Any) -> Item:
    try:
        image = Path(entry.get("filepath", "")) / entry["filename"]
        captions = tuple(str(sentence["raw"]).strip() for sentence in entry["sentences"])
        split = _SPLITS[entry["split"]]
    except (AttributeError, KeyError, TypeError) as error:
        raise DataError(f"{path}: images[{number}]: {error} is missing or odd", SOURCE) from error
    if image.is_absolute() or ".." in image.parts:
        raise DataError(f"{path}: images[{number}]: {str(image)!r} leaves the folder", SOURCE)
    if not any(captions):
        raise DataError(f"{path}: images[{number}]: no caption", SOURCE)
    return Item(image, (image.stem,), split, captions)


KARPATHY = Layout(read_captions, ("dataset_*.json",), SOURCE)
