"""Reading a folder of class folders, with or without a level of split folders above."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from zoo.data.images import SUFFIXES
from zoo.data.item import Item, Skipped, printable
from zoo.data.splits import split_folders
from zoo.data.tree import images_below, list_folder, report_left_out
from zoo.errors import DataError

logger = logging.getLogger("rankzoo")

Folder = tuple[list[Item], tuple[str, ...], list[Skipped]]


def read_folder(root: Path, *, require_labels: bool = True) -> Folder:
    """Return the images of `root/<class>/…` or `root/<split>/<class>/…`, level names, left out.

    A split level is recognised when each folder of `root` with images in it is called like a split
    (`train`, `Valid`, `validation`, `dev`, …). Images deeper inside a class folder belong to that
    class.

    Raises:
        DataError: no image at all, an image outside the class folders, or folders of which some
            are splits and others are not.
    """
    left_out: list[Skipped] = []
    items = list(_read(root, left_out))
    report_left_out(left_out)
    if not items:
        suffixes = " ".join(sorted(SUFFIXES))
        raise DataError(
            f"{root}: no image in this folder", f"images are files ending in {suffixes}"
        )
    loose = next((item for item in items if not item.labels), None)
    if loose is None:
        return items, ("label",), left_out
    if require_labels:
        hint = "put images in one folder per class, or give a manifest with columns path,label"
        raise DataError(f"{printable(loose.path)}: lies outside any class folder", hint)
    return [Item(item.path, split=item.split) for item in items], (), left_out


def _read(root: Path, left_out: list[Skipped]) -> Iterator[Item]:
    found = list_folder(root)
    left_out += found.left_out
    inside = {folder: list(images_below(folder, left_out)) for folder in found.folders}
    for folder in (folder for folder, images in inside.items() if not images):
        logger.warning("%s: a folder without images is left out", printable(folder))
    full = {folder: images for folder, images in inside.items() if images}
    splits = split_folders(root, list(full)) or {}
    if len(full) == 1 and all(p.parent in full for images in full.values() for p in images):
        splits = {}  # images right inside a single `train/`: a class of that name
    yield from (Item(path) for path in found.images)
    for folder, images in full.items():
        if folder in splits:
            yield from (replace(i, split=splits[folder]) for i in _classes(folder, images))
        else:
            yield from _classes(root, images)


def _classes(root: Path, images: list[Path]) -> Iterator[Item]:
    for path in images:
        inner = path.relative_to(root).parts[:-1]
        yield Item(path, (printable(Path(inner[0])),) if inner else ())
