"""What readers of public layouts share: a set's files, and where missing ones come from."""

import csv
import math
import os
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.data.item import Item
from zoo.errors import DataError
from zoo.files import Blame, is_there, parse_json

_FEW = 20

Reading = tuple[list[Item], tuple[str, ...]]


@dataclass(frozen=True)
class Layout:
    """How a public set lies on disk.

    `read(root)` returns its items and level names; the set is recognised by any of its `markers`,
    paths relative to the root; `source` tells where its files come from.
    """

    read: Callable[[Path], Reading]
    markers: tuple[str, ...]
    source: str

    def root(self, candidates: Sequence[Path]) -> Path | None:
        """Return the first of the folders that holds a marker."""
        return next((p for p in candidates if any(any(p.glob(m)) for m in self.markers)), None)


def roots(path: Path) -> list[Path]:
    """Return the folders that may be a set's root: `path` and those in it."""
    if not path.is_dir():
        return []
    with os.scandir(path) as entries:
        inner = sorted(Path(entry.path) for entry in entries if entry.is_dir())
    # Ten thousand folders are classes, and looking for markers in each would take seconds.
    return [path, *inner] if len(inner) <= _FEW else [path]


def need(path: Path, source: str) -> Path:
    """Return `path` when it exists.

    Raises:
        DataError: naming the missing file, with `source` telling where it comes from.
    """
    if not is_there(path):
        raise DataError(f"{path}: missing", source)
    return path


def read_text(path: Path, source: str) -> str:
    """Return a UTF-8 file's text.

    Raises:
        DataError: the file is missing, unreadable or not UTF-8.
    """
    need(path, source)
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: byte {error.start} is not UTF-8", source) from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}", source) from error


def read_lines(path: Path, source: str) -> list[str]:
    """Return a text file's lines that are not blank.

    Raises:
        DataError: the file is missing, unreadable or not UTF-8.
    """
    return [line for line in read_text(path, source).splitlines() if line.strip()]


def read_table(
    path: Path, columns: Sequence[str], source: str, *, skip: int = 0
) -> Iterator[tuple[int, list[str]]]:
    """Yield (line number, cells) of a table separated by blanks, after `skip` header lines.

    Raises:
        DataError: naming the file and the line whose cells are not as many as `columns`.
    """
    for number, line in enumerate(read_lines(path, source)[skip:], start=skip + 1):
        cells = line.split()
        if len(cells) != len(columns):
            expected = " ".join(columns)
            raise DataError(f"{path} line {number}: {line!r} is not `{expected}`", source)
        yield number, cells


def read_csv(path: Path, columns: Sequence[str], source: str) -> Iterator[dict[str, str]]:
    """Yield the rows of a CSV file with a header that holds `columns`.

    Raises:
        DataError: naming a missing column, or the row that lacks a cell.
    """
    reader = csv.DictReader(read_text(path, source).splitlines(keepends=True))
    missing = [name for name in columns if name not in (reader.fieldnames or ())]
    if missing:
        raise DataError(f"{path} row 1: no column {missing[0]}", source)
    for number, row in enumerate(reader, start=2):
        empty = next((name for name in columns if row[name] is None), None)
        if empty:
            raise DataError(f"{path} row {number}, column {empty}: missing", source)
        yield row


def read_number(text: str, where: str, source: str) -> float:
    """Return the number that a cell holds.

    Raises:
        DataError: it is none, or not finite; `where` names the cell.
    """
    try:
        value = float(text)
    except ValueError as error:
        raise DataError(f"{where}: {text!r} is no number", source) from error
    if not math.isfinite(value):
        raise DataError(f"{where}: {value} cannot be ranked", source)
    return value


def read_json(path: Path, source: str) -> Any:
    """Return the content of a JSON file.

    Raises:
        DataError: the file is missing or is not JSON.
    """
    return parse_json(read_text(path, source), path, Blame(DataError, source))


def absent(paths: Collection[Path]) -> list[Path]:
    """Return the paths without a file, asking the disk once per folder and not once per image."""
    listings: dict[Path, set[str]] = {}
    missing = []
    for path in paths:
        parent = path.parent
        if parent not in listings:
            there = parent.iterdir() if is_there(parent) and parent.is_dir() else ()
            listings[parent] = {p.name for p in there}
        if path.name not in listings[parent]:
            missing.append(path)
    return missing
