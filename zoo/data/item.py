"""The one record of an image set, and the words its splits are named with."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

SPLITS = ("train", "val", "test", "query", "gallery")


@dataclass(frozen=True)
class Item:
    """One image: where it is, its label at each level (finest first), what else is known of it.

    `row` is the place in the manifest that it was read from, as a spreadsheet counts (0: none).
    """

    path: Path
    labels: tuple[str, ...] = ()
    split: str = ""
    captions: tuple[str, ...] = ()
    extra: Mapping[str, str] = field(default_factory=dict)
    row: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Skipped:
    """An image left out of a dataset, and why; callers write the list to their run folder."""

    path: str
    reason: str


def printable(path: Path) -> str:
    r"""Return a path as text that any terminal takes: bytes that are not UTF-8 become `\xe9`."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")
