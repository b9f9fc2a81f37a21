"""One reader of the product, as the fuzz sees it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PIL import Image


@dataclass(frozen=True)
class Parser:
    """One reader: the files to change (globs; all when none), a sound input, and the reading."""

    name: str
    files: tuple[str, ...]
    write: Callable[[Path], object]
    read: Callable[[Path], object]


CLASSES = "cat", "dog"


def pixels(folder: Path, count: int = 8, suffix: str = ".png") -> list[str]:
    """Write small images; return their names."""
    folder.mkdir(parents=True, exist_ok=True)
    for n in range(count):
        Image.new("RGB", (24, 16), (30 * n, 90, 9)).save(folder / f"{n}{suffix}")
    return [f"{n}{suffix}" for n in range(count)]
