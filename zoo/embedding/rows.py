"""The metadata of a segment: one SQLite row per vector, written once, then only read."""

import math
import os
import re
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from zoo.errors import DataError, IntegrityError

ITEMS = "items.sqlite"
FIXED = ("id", "path", "sha256", "caption")
# Kinds of columns, in their declared types; the values themselves are kept as they were written.
NUMBERS, TRUTHS = "NUMERIC", "BOOLEAN"
TRUTH = {"true": "1", "false": "0"}  # what JSON, pandas and spreadsheets write, in lower case
BATCH = 500  # values in one `IN (...)`: SQLite takes 32,766


@dataclass(frozen=True)
class Record:
    """One indexed thing: an image, or one caption of an image.

    path: relative to the index's root, or absolute; sha256: of the image file's bytes.
    labels: level name -> label; extra: any other column of the manifest it came from.
    """

    path: str
    sha256: str = ""
    caption: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)
    id: int = -1


@runtime_checkable
class Records(Protocol):
    """Records to be walked through more than once: a list, or rows that stay on disk."""

    def __len__(self) -> int:
        """How many."""
        ...

    def __iter__(self) -> Iterator[Record]:
        """Walk through them."""
        ...


def write_rows(path: Path, records: Records) -> None:
    """Write the rows of a segment; the row number is the vector's position.

    Values are kept as the text they came as. An extra column whose every value is a number, empty
    or NaN is declared a column of numbers, so that `year > 2010` works (`Filter`); one whose every
    value is true, false or empty a column of truths, so that `not published` does.

    Raises:
        DataError: a column's name cannot be one.
    """
    levels, columns = levels_of(records), columns_of(records)
    names = ("row", *FIXED, *levels, *columns)
    _refuse_bad_names(names)
    types = {"row": "INTEGER PRIMARY KEY", "id": "INTEGER NOT NULL", **_kinds(records, columns)}
    declared = ", ".join(f'"{name}" {types.get(name, "TEXT")}' for name in names)
    marks = ", ".join("?" * len(names))
    connection = sqlite3.connect(os.fspath(path))
    try:
        with connection:
            connection.execute("PRAGMA journal_mode = OFF")  # the file is new: it appears whole
            connection.execute(f"CREATE TABLE items ({declared})")
            rows = (_values(row, record, levels, columns) for row, record in enumerate(records))
            connection.executemany(f"INSERT INTO items VALUES ({marks})", rows)
            for column in ("id", "path", "sha256"):
                connection.execute(f'CREATE INDEX "by_{column}" ON items ("{column}")')
    except (UnicodeEncodeError, OverflowError) as error:
        raise DataError(f"a path, label or caption cannot be stored: {error}") from error
    finally:
        connection.close()


def levels_of(records: Iterable[Record]) -> tuple[str, ...]:
    """Names of the label levels, finest first, in order of appearance."""
    return tuple(dict.fromkeys(name for record in records for name in record.labels))


def columns_of(records: Iterable[Record]) -> tuple[str, ...]:
    """Names of the extra columns, in order of appearance."""
    return tuple(dict.fromkeys(name for record in records for name in record.extra))


class Rows:
    """The rows of a segment, opened read-only; safe to share between threads."""

    def __init__(self, path: Path, levels: Sequence[str]) -> None:
        self.path = path
        address = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(address, uri=True, check_same_thread=False)
        self._connection.execute("PRAGMA trusted_schema = OFF")
        described = self.fetch('SELECT name, type FROM pragma_table_info("items")')
        names = [str(name) for name, _ in described]
        if tuple(names[:5]) != ("row", *FIXED):
            raise IntegrityError(f"{path} holds no rows of an index")
        self.levels = tuple(name for name in names[5:] if name in levels)
        self.columns = tuple(name for name in names[5:] if name not in levels)
        kinds = {str(name): kinds_of(str(declared)) for name, declared in described}
        self.kinds = {name: kinds[name] for name in self.columns}
        self.numbers = frozenset(n for n in self.columns if NUMBERS in kinds[n])  # until agreed

    def fetch(self, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run one of our own statements.

        Raises:
            IntegrityError: the file is damaged in a way its hash did not show.
        """
        try:
            with self._lock:
                return self._connection.execute(statement, values).fetchall()
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
            raise IntegrityError(f"{self.path}: {error}") from error

    def __len__(self) -> int:
        return int(self.fetch("SELECT count(*) FROM items")[0][0])

    def records(self, rows: Iterable[int]) -> dict[int, Record]:
        """Return the records at `rows`, by row.

        Raises:
            IntegrityError: a row is missing, or holds what `write_rows` never writes.
        """
        wanted = list(rows)
        found: dict[int, Record] = {}
        for start in range(0, len(wanted), BATCH):
            group = wanted[start : start + BATCH]
            marks = ", ".join("?" * len(group))
            for row, *values in self.fetch(f"SELECT * FROM items WHERE row IN ({marks})", group):
                found[row] = self._record(values)
        if len(found) != len(set(wanted)):
            raise IntegrityError(f"{self.path} lacks {len(set(wanted)) - len(found)} rows")
        return found

    def rows_of(self, column: str, values: Iterable[Any]) -> dict[Any, list[int]]:
        """Return the rows whose fixed `column` is each of `values`."""
        wanted = list(values)
        found: dict[Any, list[int]] = {}
        for start in range(0, len(wanted), BATCH):
            group = wanted[start : start + BATCH]
            marks = ", ".join("?" * len(group))
            statement = f'SELECT "{column}", row FROM items WHERE "{column}" IN ({marks})'
            for value, row in self.fetch(statement, group):
                found.setdefault(value, []).append(row)
        return found

    def value(self, column: str, stored: Any) -> int | float | str:
        """Return a value of a column: a number in columns of numbers, else text."""
        number = as_number(str(stored)) if column in self.numbers else None
        return str(stored) if number is None else number

    def close(self) -> None:
        """Close the file, once nobody reads in it: SQLite dies of a file closed under it."""
        with self._lock:
            self._connection.close()

    def _record(self, values: Sequence[Any]) -> Record:
        identifier, path, sha256, caption, *rest = values
        if not (isinstance(identifier, int) and all(isinstance(v, str) for v in values[1:4])):
            raise IntegrityError(f"{self.path} holds a row that is none: {values[:4]}")
        named = dict(zip((*self.levels, *self.columns), rest, strict=True))
        labels = {name: named[name] for name in self.levels if named[name] is not None}
        extra = {
            name: self.value(name, named[name]) for name in self.columns if named[name] is not None
        }
        return Record(path, sha256, caption, labels, extra, identifier)


def _values(
    row: int, record: Record, levels: Sequence[str], columns: Sequence[str]
) -> tuple[Any, ...]:
    labels = (record.labels.get(name) or None for name in levels)
    extra = (_null_if_empty(record.extra.get(name)) for name in columns)
    return (row, record.id, record.path, record.sha256, record.caption, *labels, *extra)


def _kinds(records: Records, columns: Sequence[str]) -> dict[str, str]:
    """Return the declared type of every column: which kinds its values are; empty ones are all."""
    fits = {NUMBERS: _is_number, TRUTHS: _is_truth}
    left = {kind: set(columns) for kind in fits}
    for record in records:
        for kind, is_one in fits.items():
            left[kind] -= {c for c in left[kind] if not is_one(_text(record.extra.get(c)))}
    return {c: " ".join([*(kind for kind in fits if c in left[kind]), "TEXT"]) for c in columns}


def kinds_of(declared: str) -> frozenset[str]:
    """Return which kinds a column may be of by its declared type; none for text."""
    return frozenset(declared.split()) & {NUMBERS, TRUTHS}


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _null_if_empty(value: Any) -> Any:
    return None if value in ("", None) else str(value)


# A leading zero makes a code (`007`), not a number.
_NUMBER = re.compile(r"[+-]?(0|[1-9][0-9]*|(?=\.))(\.[0-9]+)?(e[+-]?[0-9]+)?", re.IGNORECASE)


def _is_number(text: str) -> bool:
    """Whether a text may stand in a column of numbers: a number, nothing, or not a number.

    >>> [_is_number(text) for text in ("19.90", "1e3", "", "nan", "007", "1e400", "1_0")]
    [True, True, True, True, False, False, False]
    """
    if text == "" or text.lower() == "nan":
        return True
    return _NUMBER.fullmatch(text) is not None and math.isfinite(float(text))


def _is_truth(text: str) -> bool:
    return text == "" or text.lower() in TRUTH


def as_number(text: str) -> int | float | None:
    """Return a finite number that reads back as it was written (`007`, `1e400` do not), or None.

    >>> as_number("2010"), as_number("0.5"), as_number("007"), as_number("nan")
    (2010, 0.5, None, None)
    """
    for kind in (int, float):
        try:
            number = kind(text)
        except ValueError:
            continue
        if str(number) == text and math.isfinite(number):
            return number
    return None


def _refuse_bad_names(names: Sequence[str]) -> None:
    lowered = [name.lower() for name in names]
    for name, low in zip(names, lowered, strict=True):
        if not name or '"' in name or "\0" in name:
            raise DataError(f"column name {name!r} cannot be stored", "rename it")
        if lowered.count(low) > 1:
            raise DataError(f"column {name!r} exists already in every index", "rename it")
