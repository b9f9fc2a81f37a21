"""Image sets as they come from the Hub: parquet shards with the images inside, or `metadata.csv`.

`data/train-00000-of-00003.parquet`, split by the shards' names; or `train/*.jpg` beside
`train/metadata.csv` (or `.jsonl`) with a column `file_name`.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, time
from decimal import Decimal
from pathlib import Path
from typing import Any

from zoo.data.images import SUFFIXES
from zoo.data.item import Item
from zoo.data.manifest import read_manifest, write_manifest
from zoo.data.reader import Layout, Reading
from zoo.data.splits import split_of
from zoo.errors import DataError, UsageError
from zoo.files import Blame, as_object, one_line, parse_json, staged_folder

logger = logging.getLogger("rankzoo")

SOURCE = "download it with `hf download --repo-type dataset owner/name --local-dir folder`"
_METADATA = ("metadata.csv", "metadata.jsonl", "*/metadata.csv", "*/metadata.jsonl")
_SHARDS = ("*.parquet", "data/*.parquet")
_RENAMED = {"file_name": "path", "text": "caption"}
LABELS = (("label", "fine_label", "labels"), ("label_level_2", "coarse_label"))
CAPTIONS = ("caption", "captions", "text", "sentences")
_USED = {name for names in (*LABELS, CAPTIONS) for name in names}
_SCALARS = (str, int, float, Decimal, date, time)
_MAGIC = {b"\xff\xd8\xff": ".jpg", b"\x89PNG": ".png", b"RIFF": ".webp", b"GIF8": ".gif"}


def read_hub_folder(root: Path) -> Reading:
    """Return the items; images inside parquet shards are unpacked into `root/unpacked` once."""
    lists = [path for pattern in _METADATA for path in sorted(root.glob(pattern))]
    if lists:
        return _read_metadata(lists)
    unpacked = root / "unpacked"
    if not (unpacked / "manifest.jsonl").exists():
        with staged_folder(unpacked) as staged:
            shards = [path for pattern in _SHARDS for path in sorted(root.glob(pattern))]
            items = [item for shard in shards for item in unpack(shard, staged)]
            levels = ("label", "label_level_2")[: len(items[0].labels)] if items else ()
            write_manifest(staged / "manifest.jsonl", items, levels)
    return read_manifest(unpacked / "manifest.jsonl", require_labels=False)


def _read_metadata(lists: Sequence[Path]) -> Reading:
    items: list[Item] = []
    levels: tuple[str, ...] = ()
    for path in lists:
        found, levels = read_manifest(path, require_labels=False, renamed=_RENAMED)
        split = split_of(path.parent.name)
        items += [replace(item, split=item.split or split) for item in found]
    if len({len(item.labels) for item in items}) > 1:
        raise DataError(f"{lists[0]}: not every metadata file has the same label columns")
    return items, levels


def unpack(shard: Path, folder: Path) -> Iterator[Item]:
    """Unpack the images of one parquet file into `folder`, and yield their items.

    Raises:
        DataError: it is no parquet file, or a row holds no image. UsageError: pyarrow is missing.
    """
    table = _open_shard(shard)
    features = _features(table.schema_arrow.metadata or {}, str(shard))
    split = split_of(shard.name.split("-")[0])
    nested: dict[str, None] = {}
    for number, row in enumerate(_rows(table, shard)):
        path = folder / (split or "images") / f"{shard.stem}-{number:06d}"
        nested |= dict.fromkeys(name for name, value in row.items() if _is_nested(name, value))
        yield unpack_row(f"{shard} row {number + 1}", row, features, path, split)
    if nested:
        logger.warning("%s: left out, neither text nor numbers: %s", shard, ", ".join(nested))


def _open_shard(shard: Path) -> Any:
    try:
        from pyarrow import ArrowException
        from pyarrow.parquet import ParquetFile
    except ImportError as error:
        message = "parquet image sets need pyarrow"
        raise UsageError(message, "pip install 'rankzoo[datasets]'") from error
    try:
        return ParquetFile(shard)
    except (ArrowException, OSError) as error:
        raise DataError(f"{shard}: not a parquet file: {one_line(error)}", SOURCE) from error


def _rows(table: Any, shard: Path) -> Iterator[dict[str, Any]]:
    """Yield rows; pages are unpacked here, so that damage behind a sound footer shows here."""
    try:
        for batch in table.iter_batches(batch_size=256):
            yield from batch.to_pylist()
    except (OSError, ValueError, OverflowError, RuntimeError) as error:  # Arrow's are among them
        raise DataError(f"{shard}: damaged: {one_line(error)}", SOURCE) from error


def unpack_row(
    where: str, row: Mapping[str, Any], features: Mapping[str, Any], path: Path, split: str
) -> Item:
    """Write the image of a row to `path` with its suffix, and return its item.

    Errors name `where`; `features` holds the `names` of the classes of a label's column.

    Raises:
        DataError: there is no image, or no single label where a column of labels is.
    """
    image = next((v for v in map(_as_image, row.values()) if v is not None), None)
    if image is None:
        raise DataError(f"{where}: no column holds image bytes", SOURCE)
    columns = [next((c for c in names if row.get(c) is not None), None) for names in LABELS]
    labels = [_label(where, c, row[c], features) for c in columns if c]
    texts: str | list[str] = next((row[c] for c in CAPTIONS if row.get(c)), [])
    captions = [texts] if isinstance(texts, str) else list(texts)
    target = path.with_name(path.name + _suffix(image))
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(image["bytes"])
    scalars = {c: v for c, v in row.items() if isinstance(v, _SCALARS) and c not in _USED}
    extra = {name: str(value) for name, value in scalars.items()}
    return Item(target, tuple(labels), split, tuple(map(str, captions)), extra)


def _is_nested(name: str, value: Any) -> bool:
    """Whether a value beside image, labels and captions is none that a column keeps."""
    kept = value is None or isinstance(value, _SCALARS) or _as_image(value) is not None
    return name not in _USED and not kept


def _as_image(value: Any) -> dict[str, Any] | None:
    """Return a value that holds an image: the Hub's `{bytes, path}`, or bytes alone."""
    if isinstance(value, bytes) and value.startswith(tuple(_MAGIC)):
        return {"bytes": value}
    return value if isinstance(value, dict) and value.get("bytes") else None


def _label(where: str, column: str, value: Any, features: Mapping[str, Any]) -> str:
    if isinstance(value, list | dict):
        raise DataError(f"{where}, column {column}: {value!r} is no single label", SOURCE)
    names = (features.get(column) or {}).get("names")
    if names is None:
        return str(value)
    if not isinstance(value, int) or not 0 <= value < len(names):
        raise DataError(f"{where}, column {column}: {value!r} is not in 0…{len(names) - 1}", SOURCE)
    return str(names[value])


def _features(metadata: Mapping[bytes, bytes], where: str) -> dict[str, Any]:
    """Return the features that the `datasets` library writes beside the schema, if it did."""
    blame = Blame(DataError, SOURCE)
    value: Any = parse_json(metadata.get(b"huggingface", b"{}"), where, blame)
    for key in ("info", "features"):
        value = as_object(value, where, blame).get(key) or {}
    features = as_object(value, where, blame)
    return {name: f for name, f in features.items() if isinstance(f, dict)}


def _suffix(image: Mapping[str, Any]) -> str:
    named = Path(image.get("path") or "").suffix.lower()
    if named in SUFFIXES:
        return named
    head = image["bytes"][:4]
    return next((suffix for magic, suffix in _MAGIC.items() if head.startswith(magic)), ".png")


HUB_FOLDER = Layout(read_hub_folder, (*_METADATA[:2], *_SHARDS, *_METADATA[2:]), SOURCE)
