"""Sets that are drawn once, from what is installed, into a folder that is read ever after."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.data.dataset import ImageDataset, Item, Skipped, choose
from zoo.data.manifest import read_manifest, write_manifest
from zoo.errors import DataError, UsageError
from zoo.files import read_json, read_object, staged_folder, typed, write_json

logger = logging.getLogger("rankzoo")

LEFT_OUT = "left_out.json"
Drawing = tuple[Sequence[Item], Sequence[Skipped]]


@dataclass(frozen=True)
class _LeftOut:
    images: list[tuple[str, str]]


@dataclass(frozen=True)
class Drawn:
    """A set's name, what its images depend on, and how many label levels it has."""

    name: str
    settings: dict[str, Any]
    levels: int

    def into(self, folder: Path, draw: Callable[[Path], Drawing]) -> ImageDataset:
        """Return the set in `folder`; `draw` fills a new folder and returns its items.

        The folder is a manifest with images, `<name>.json` with the settings it was drawn with, and
        `left_out.json` with what was left out and why.

        Raises:
            UsageError: `folder` holds something else, or the set with other settings.
        """
        record = record_of(folder, self.name)
        if record.is_file():
            self._check(record)
        else:
            with staged_folder(folder) as staged:
                items, left_out = draw(staged)
                levels = ["label", *(f"label_level_{n}" for n in range(2, self.levels + 1))]
                write_manifest(staged / "manifest.csv", items, levels)
                write_json(staged / LEFT_OUT, [[skip.path, skip.reason] for skip in left_out])
                write_json(staged / record.name, self.settings)
            logger.info(f"{folder}: the {self.name} set was drawn, {len(items)} images")
        listed = folder / "manifest.csv"
        found, names = read_manifest(listed)
        skipped = _left_out(folder)
        return ImageDataset(self.name, folder, tuple(found), names, (), skipped, listed)

    def _check(self, record: Path) -> None:
        """Raise when the set was drawn with other settings."""
        found = read_object(record)
        if found != self.settings:
            other = ", ".join(k for k in self.settings if found.get(k) != self.settings[k])
            message = f"{record.parent}: the {self.name} set there was drawn with another {other}"
            raise UsageError(message, "choose another folder: it is drawn there anew")


def record_of(folder: Path, name: str) -> Path:
    """Return the file that tells with which settings the set called `name` was drawn."""
    return folder / f"{name}.json"


def installed(path: Path, what: str, *packages: str) -> Path:
    """Return a path that Debian packages put there.

    Raises:
        DataError: it is missing; names the packages to install.
    """
    if not path.exists():
        raise DataError(f"{path}: missing; {what}", f"apt-get install {' '.join(packages)}")
    return path


def held_out_classes(names: Sequence[str], share: float = 0.5, seed: int = 0) -> set[str]:
    """Return the classes that are never trained on, chosen by the hash of their names."""
    return set(choose(sorted(set(names)), share, seed))


def _left_out(folder: Path) -> tuple[Skipped, ...]:
    path = folder / LEFT_OUT
    listed = read_json(path) if path.is_file() else []  # older folders have none
    return tuple(Skipped(*pair) for pair in typed(_LeftOut, {"images": listed}, path).images)
