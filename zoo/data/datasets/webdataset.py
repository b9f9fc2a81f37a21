"""WebDataset tars as data to train and judge on: unpacked once into `unpacked/` beside them.

`train-0000.tar`, … holds samples of `key.jpg` beside `key.cls`, `key.txt` or `key.json`; the word
before the first hyphen, underscore or full stop of a tar's name is its split, where it is one.
"""

import re
from dataclasses import replace
from pathlib import Path

from zoo.data.item import Item
from zoo.data.manifest import read_manifest, write_manifest
from zoo.data.packed import HINT, TAR, unpacked
from zoo.data.reader import Layout, Reading
from zoo.data.splits import split_of
from zoo.errors import DataError
from zoo.files import staged_folder


def read_webdataset(root: Path) -> Reading:
    """Return the items of all tars of a folder.

    Raises:
        DataError: a tar cannot be read, or some tars have labels and others none.
    """
    folder = root / "unpacked"
    if not (folder / "manifest.jsonl").exists():
        with staged_folder(folder) as staged:
            items: list[Item] = []
            known: dict[tuple[str, ...], Path] = {}
            for tar in sorted(root.glob(f"*{TAR}")):
                found, levels = unpacked(tar, staged / tar.stem)
                known[levels] = tar
                split = split_of(re.split(r"[-_.]", tar.stem)[0])
                items += [replace(item, split=split) for item in found]
            if len(known) > 1:
                names = " and ".join(tar.name for tar in known.values())
                raise DataError(f"{root}: {names} do not both have labels", HINT)
            write_manifest(staged / "manifest.jsonl", items, next(iter(known)))
    return read_manifest(folder / "manifest.jsonl", require_labels=False)


WEBDATASET = Layout(read_webdataset, (f"*{TAR}",), HINT)
