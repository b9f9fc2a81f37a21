"""What readers of public layouts share: a set's files, and where missing ones come from."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from zoo.errors import DataError


def need(path: Path, source: str) -> Path:
    """Return `path` when it exists.

    Raises:
        DataError: naming the missing file, with `source` telling where it comes from.
    """
    if not path.exists():
        raise DataError(f"{path}: missing", source)
    return path


def read_lines(path: Path, source: str) -> list[str]:
    """Return a text file's lines that are not blank.

    Raises:
        DataError: the file is missing, unreadable or not UTF-8.
    """
    need(path, source)
    try:
        return [line for line in path.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: byte {error.start} is not UTF-8", source) from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}", source) from error


def read_table(path: Path, columns: Sequence[str], source: str) -> Iterator[tuple[int, list[str]]]:
    """Yield (line number, cells) of a table separated by blanks, as many cells as `columns`.

    Raises:
        DataError: naming the file and the line that has another number of cells.
    """
    for number, line in enumerate(read_lines(path, source), start=1):
        cells = line.split()
        if len(cells) != len(columns):
            expected = " ".join(columns)
            raise DataError(f"{path} line {number}: {line!r} is not `{expected}`", source)
        yield number, cells


def read_json(path: Path, source: str) -> Any:
    """Return the content of a JSON file.

    Raises:
        DataError: the file is missing or is not JSON.
    """
    need(path, source)
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: not JSON: {error}", source) from error
