"""Reading a folder of class folders, with or without a level of split folders above."""

import logging
import os
from collections.abc import Iterator
from pathlib import Path

from zoo.data.images import SUFFIXES, is_image_name
from zoo.data.item import SPLITS, Item, printable
from zoo.errors import DataError

logger = logging.getLogger("rankzoo")


def read_folder(root: Path, *, require_labels: bool = True) -> tuple[list[Item], tuple[str, ...]]:
    """Return the images of `root/<class>/…` or `root/<split>/<class>/…`, and the level names.

    A split level is recognised when each folder of `root` is named after a split and holds folders.
    Images deeper inside a class folder belong to that class.

    Raises:
        DataError: no image at all, or an image outside the class folders.
    """
    items = list(_read(root))
    if not items:
        suffixes = " ".join(sorted(SUFFIXES))
        raise DataError(
            f"{root}: no image in this folder", f"images are files ending in {suffixes}"
        )
    loose = next((item for item in items if not item.labels), None)
    if loose is None:
        return items, ("label",)
    if require_labels:
        hint = "put images in one folder per class, or give a manifest with columns path,label"
        raise DataError(f"{printable(loose.path)}: lies outside any class folder", hint)
    return [Item(item.path, split=item.split) for item in items], ()


def _read(root: Path) -> Iterator[Item]:
    _, folders = _listing(root)
    if folders and all(f.name in SPLITS and _listing(f)[1] for f in folders):
        for folder in folders:
            yield from _read_classes(folder, split=folder.name)
    else:
        yield from _read_classes(root)


def _read_classes(root: Path, split: str = "") -> Iterator[Item]:
    loose, folders = _listing(root)
    for path in loose:
        yield Item(path, split=split)
    for folder in folders:
        images = list(_images_below(folder))
        if not images:
            logger.warning("%s: a class folder without images is left out", printable(folder))
        labels = (printable(Path(folder.name)),)
        for path in images:
            yield Item(path, labels, split)


def _images_below(folder: Path) -> Iterator[Path]:
    images, folders = _listing(folder)
    yield from images
    for inner in folders:
        yield from _images_below(inner)


def _listing(folder: Path) -> tuple[list[Path], list[Path]]:
    """Return the images and the folders in a folder, sorted; hidden ones are none."""
    try:
        with os.scandir(folder) as entries:
            seen = sorted((entry.name, entry.is_dir()) for entry in entries)
    except OSError as error:
        raise DataError(f"{printable(folder)}: cannot be listed: {error.strerror}") from error
    folders = [folder / name for name, is_folder in seen if is_folder and name[0] != "."]
    files = (folder / name for name, is_folder in seen if not is_folder)
    return [path for path in files if is_image_name(path)], folders
