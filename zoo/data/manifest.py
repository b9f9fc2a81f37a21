"""Image lists as CSV or JSONL: `path,label[,label_level_2,…][,split][,caption]`."""

import csv
import io
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PureWindowsPath
from typing import Any

from zoo.data.item import SPLITS, Item
from zoo.data.splits import split_of
from zoo.errors import DataError
from zoo.files import Blame, as_object, atomic_path, is_there, parse_json, straight

Row = dict[str, Any]
_LEVEL = re.compile(r"label_level_([2-9]|[1-9]\d+)")
_CAPTION = re.compile(r"captions?(_\d+)?")


def read_manifest(
    path: Path,
    *,
    require_labels: bool = True,
    missing_ok: bool = False,
    renamed: Mapping[str, str] | None = None,
) -> tuple[list[Item], tuple[str, ...]]:
    """Return the items of a manifest and its level names.

    Rows are counted as a spreadsheet does for CSV (the header is row 1), and as lines for JSONL.
    With `missing_ok`, files that do not exist are left for the caller to find. `renamed` says which
    columns of another convention stand for ours.

    Raises:
        DataError: naming file, row, column and value.
    """
    rows = [
        (number, {(renamed or {}).get(column, column): value for column, value in row.items()})
        for number, row in _rows(path)
    ]
    if not rows:
        raise DataError(f"{path}: no image in this manifest", "give one row per image")
    levels = _levels(path, rows, require_labels=require_labels)
    items = [_item(path, number, row, levels) for number, row in rows]
    numbers = [number for number, _ in rows]
    _check_duplicates(path, numbers, items)
    _check_splits(path, numbers, items)
    if not missing_ok:
        _check_files(path, numbers, items)
    return items, levels


def write_manifest(path: Path, items: Sequence[Item], levels: Sequence[str]) -> None:
    """Write a manifest, atomically; paths inside its folder are written relative to it.

    CSV keeps the first caption of an image, JSONL all of them; both keep the other columns.
    """
    rows = (_written(path.parent, item, len(levels)) for item in items)
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        if path.suffix == ".jsonl":
            file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
            return
        extra = dict.fromkeys(name for item in items for name in item.extra)
        columns = ["path", *_level_columns(len(levels)), "split", "caption", *extra]
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        for row in rows:
            captions = row.pop("captions", [""])
            writer.writerow({**row, "caption": captions[0]})


def _written(folder: Path, item: Item, levels: int) -> Row:
    inside = item.path.is_relative_to(folder)
    place = item.path.relative_to(folder) if inside else item.path.absolute()
    row: Row = {"path": place.as_posix()}
    row |= dict(zip(_level_columns(levels), item.labels, strict=True))
    row |= {"split": item.split} if item.split else {}
    row |= item.extra
    return row | ({"captions": list(item.captions)} if item.captions else {})


def _rows(path: Path) -> Iterator[tuple[int, Row]]:
    readers = {".csv": _csv_rows, ".jsonl": _jsonl_rows}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise DataError(f"{path}: not a manifest", "give a folder, a .csv or a .jsonl file")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        message = f"{path}: byte {error.start} is not UTF-8"
        raise DataError(message, "save the manifest as UTF-8") from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error
    return reader(path, text)


def _csv_rows(path: Path, text: str) -> Iterator[tuple[int, Row]]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [name.strip() for name in next(reader, [])]
        if len(header) == 1 and (mark := next((m for m in ";\t|" if m in header[0]), "")):
            message = f"{path} row 1: its cells are separated by {mark!r}"
            raise DataError(message, "separate them by commas")
        if len(set(header)) < len(header):
            raise DataError(f"{path} row 1: a column is named twice: {', '.join(header)}")
        for number, cells in enumerate(reader, start=2):
            if not cells:
                continue
            if len(cells) != len(header):
                message = f"{path} row {number}: {len(cells)} cells under {len(header)} columns"
                raise DataError(message, "put double quotes around cells that hold a comma")
            yield number, dict(zip(header, cells, strict=True))
    except csv.Error as error:
        raise DataError(f"{path} line {reader.line_num}: {error}") from error


def _jsonl_rows(path: Path, text: str) -> Iterator[tuple[int, Row]]:
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        where, blame = f"{path} row {number}", Blame(DataError, 'write {"path": …} per line')
        yield number, as_object(parse_json(line, where, blame), where, blame)


def _levels(
    path: Path, rows: Sequence[tuple[int, Row]], *, require_labels: bool
) -> tuple[str, ...]:
    number, first = rows[0]
    count = 1 + sum(1 for name in first if _LEVEL.fullmatch(name))
    needed = ["path", *_level_columns(count)]
    if "label" not in first and not require_labels:
        needed = ["path"]
    for name in needed:
        if name not in first:
            hint = "columns: path,label[,label_level_2,…][,split][,caption]"
            hint += f"; there are: {', '.join(map(str, first))}"
            raise DataError(f"{path} row {number}: no column {name}", hint)
    return tuple(needed[1:])


def _level_columns(count: int) -> list[str]:
    return ["label", *(f"label_level_{n}" for n in range(2, count + 1))][:count]


def _item(path: Path, number: int, row: Row, levels: Sequence[str]) -> Item:
    labels = tuple(_text(path, number, row, level) for level in levels)
    captions = tuple(_captions(path, number, row))
    named = _text(path, number, row, "split") if row.get("split") else ""
    split = split_of(named)
    if named and not split:
        message = f"{path} row {number}, column split: {named!r} is no split"
        raise DataError(message, f"splits: {', '.join(SPLITS)}")
    known = {"path", "split", *levels}
    others = {k: v for k, v in row.items() if k not in known and not _CAPTION.fullmatch(k)}
    extra = {k: _plain(v) for k, v in others.items() if v is not None}  # null is no value
    image = _place(path.parent, _text(path, number, row, "path"))
    return Item(image, labels, split, captions, extra, number)


def _plain(value: Any) -> str:
    """Return the value of another column as text; lists and tables stay JSON."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else str(value)


def _place(folder: Path, text: str) -> Path:
    """Return the file that a row names; one written on Windows separates folders by backslashes."""
    plain = folder / text
    if "\\" not in text or is_there(plain):  # elsewhere a backslash may be part of a name
        return plain
    return folder / PureWindowsPath(text).as_posix()


def _text(path: Path, number: int, row: Row, column: str) -> str:
    value = row.get(column)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    where = f"{path} row {number}, column {column}"
    if value is None or value == "" or (isinstance(value, str) and not value.strip()):
        optional = _CAPTION.fullmatch(column)
        hint = "write a caption, or leave it out" if optional else f"give every row a {column}"
        raise DataError(f"{where}: empty", hint)
    if not isinstance(value, str):
        raise DataError(f"{where}: {value!r} is not text", f"write the {column} as text")
    return value.strip()


def _captions(path: Path, number: int, row: Row) -> Iterable[str]:
    for column in row:
        if not _CAPTION.fullmatch(column) or row[column] in (None, "", []):
            continue
        values = row[column] if isinstance(row[column], list) else [row[column]]
        for value in values:
            yield _text(path, number, {column: value}, column)


def _check_duplicates(path: Path, numbers: Sequence[int], items: Sequence[Item]) -> None:
    seen: dict[Path, int] = {}
    for number, item in zip(numbers, items, strict=True):
        earlier = seen.setdefault(straight(item.path), number)
        if earlier != number:
            message = f"{path} row {number}, column path: {item.path.name!r} is also in row"
            raise DataError(f"{message} {earlier}", "give each image one row")


def _check_files(path: Path, numbers: Sequence[int], items: Sequence[Item]) -> None:
    for number, item in zip(numbers, items, strict=True):
        if not is_there(item.path, file=True):
            message = f"{path} row {number}, column path: no such file: {str(item.path)!r}"
            raise DataError(message, _advice(path, item.path))


def _advice(path: Path, missing: Path) -> str:
    last = missing.relative_to(path.parent) if missing.is_relative_to(path.parent) else missing
    drive = PureWindowsPath(last).drive
    if os.name != "nt" and drive:
        return f"{drive} is a drive of Windows: write paths relative to {path.parent}"
    return f"paths are relative to {path.parent}"


def _check_splits(path: Path, numbers: Sequence[int], items: Sequence[Item]) -> None:
    if not any(item.split for item in items):
        return
    for number, item in zip(numbers, items, strict=True):
        if not item.split:
            hint = "give every row a split, or none"
            raise DataError(f"{path} row {number}, column split: empty, others are not", hint)
