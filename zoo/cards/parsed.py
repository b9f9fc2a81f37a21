"""The cards as they were parsed last, kept in rankzoo's cache: 50 ms of YAML, 3 ms of this.

`shelf.json` is safe to delete. It holds for one folder, one version of rankzoo, and files of the
same names, sizes and times; whatever is wrong with it, the cards are parsed again.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from zoo import __version__
from zoo.files import atomic_path, cache_dir

Parsed = tuple[dict[str, Any], str]  # a card's front matter, and its text
Shelf = dict[str, Parsed]


def parsed(paths: Iterable[Path], parse: Callable[[Path], Parsed]) -> Shelf:
    """Return each card by its name, parsed now unless none of the files has changed since."""
    files = list(paths)
    key = [__version__, [_facts(path) for path in files]]
    kept = _read(key)
    if kept is None:
        kept = {path.stem: parse(path) for path in files}
        _write(key, kept)
    return kept


def _facts(path: Path) -> list[Any]:
    found = path.stat()  # ctime too: a file put in the place of another may carry its mtime
    return [os.fspath(path), found.st_size, found.st_mtime_ns, found.st_ctime_ns]


def _read(key: list[Any]) -> Shelf | None:
    with suppress(OSError, ValueError):
        digest, text = _path().read_bytes().split(b"\n", 1)
        if hashlib.sha256(text).hexdigest().encode() == digest:
            found = json.loads(text)
            if found["key"] == key:
                return {name: (front, body) for name, (front, body) in found["cards"].items()}
    return None


def _write(key: list[Any], shelf: Shelf) -> None:
    """Keep the cards, if the cache takes them and JSON gives them back as they are."""
    with suppress(OSError, TypeError, ValueError):
        text = json.dumps({"key": key, "cards": shelf})
        if {name: tuple(card) for name, card in json.loads(text)["cards"].items()} == shelf:
            with atomic_path(_path()) as temporary:
                temporary.write_text(f"{hashlib.sha256(text.encode()).hexdigest()}\n{text}")


def _path() -> Path:
    return cache_dir() / "shelf.json"
