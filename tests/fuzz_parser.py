"""One reader of the product, as the fuzz sees it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Parser:
    """One reader: the files to change (globs; all when none), a sound input, and the reading."""

    name: str
    files: tuple[str, ...]
    write: Callable[[Path], object]
    read: Callable[[Path], object]
