"""The door to other stores: an index as Parquet or NumPy files that anything reads."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from jaxtyping import Float32

from zoo.embedding.rows import FIXED, Record
from zoo.embedding.whitening import save_whitening
from zoo.errors import DataError, UsageError
from zoo.files import refuse_to_overwrite, staged_folder, write_json
from zoo.index.reader import Reader
from zoo.progress import Track, silent

Format = Literal["parquet", "npy"]
MODEL, WHITENING = "model.json", "whitening.safetensors"
TABLE, VECTORS, IDS, ITEMS = "items.parquet", "vectors.npy", "ids.npy", "items.jsonl"
ROWS = 8_192  # held at once, and in a row group: 16 MiB at 512 dimensions
EXACT = 2**53  # the largest whole number up to which a float64 holds every one

Vectors = Float32[np.ndarray, "item dim"]
Piece = tuple[Vectors, Sequence[Record]]
Write = Callable[[Vectors, Sequence[Record]], None]


def export(index: Reader, out: Path, kind: Format, track: Track = silent) -> dict[str, Any]:
    """Write the living items of an index into the new folder `out`; return what it holds.

    `parquet` makes `items.parquet` (a row an item: `vector`, unit float32, beside its metadata),
    `npy` makes `vectors.npy`, `ids.npy` and `items.jsonl` (a line a row). `model.json`, in the
    Parquet file's metadata too, says which model must make the queries. Where the index whitens,
    `whitening.safetensors` holds what the queries go through first. 8,192 rows are held at once.

    Raises:
        UsageError: `out` exists, the format is unknown, or Parquet lacks pyarrow.
        DataError: nothing is alive, or a column is called as one of ours.
    """
    if kind not in get_args(Format):
        raise UsageError(f"--format {kind!r} is unknown", f"one of {', '.join(get_args(Format))}")
    refuse_to_overwrite(out)
    if not len(index):
        raise DataError(f"{index.folder} holds no living item: there is nothing to export")
    model = description(index)
    with staged_folder(out) as staged:
        with ExitStack() as files:
            write = (_parquet if kind == "parquet" else _npy)(index, staged, model, files)
            total = -(-len(index) // ROWS)
            for vectors, records in track(pieces(index), "export", total):
                write(vectors, records)
        write_json(staged / MODEL, model)
        if index.whitening is not None:
            save_whitening(index.whitening, staged / WHITENING)
        names = sorted(path.name for path in staged.iterdir())
    return {"out": str(out), "format": kind, "count": len(index), "files": names}


def description(index: Reader) -> dict[str, Any]:
    """Return what a reader of the files has to know: the model, the metric, where images lie."""
    manifest = index.manifest
    return {
        "model": manifest.model.name,
        "weights_sha256": manifest.model.weights_sha256,
        "config": dict(manifest.model.config),
        "count": len(index),
        "dim": manifest.dim,
        "metric": "inner product",
        "normalised": True,
        "whitened": index.whitening is not None,
        "modality": manifest.modality,
        "root": manifest.root,
        "generation": manifest.generation,
        "levels": list(manifest.levels),
        "columns": list(manifest.columns),
    }


def pieces(index: Reader) -> Iterator[Piece]:
    """Yield the living vectors and their records, oldest first, a few thousand at a time."""
    for segment in index.segments:
        living = np.flatnonzero(segment.alive)
        for start in range(0, len(living), ROWS):
            rows = living[start : start + ROWS]
            found = segment.rows.records(rows.tolist())
            yield segment.vectors[rows], [found[row] for row in rows.tolist()]


def _npy(index: Reader, out: Path, model: dict[str, Any], files: ExitStack) -> Write:  # noqa: ARG001
    shape = (len(index), index.manifest.dim)
    matrix = np.lib.format.open_memmap(out / VECTORS, "w+", np.dtype("<f4"), shape)
    ids = np.lib.format.open_memmap(out / IDS, "w+", np.dtype("<i8"), shape[:1])
    lines = files.enter_context((out / ITEMS).open("w", encoding="utf-8"))
    done = 0

    def write(vectors: Vectors, records: Sequence[Record]) -> None:
        nonlocal done
        chunk = slice(done, done + len(records))
        matrix[chunk], ids[chunk] = vectors, [record.id for record in records]
        lines.writelines(json.dumps(_row(r), ensure_ascii=False) + "\n" for r in records)
        done += len(records)

    return write


def _parquet(index: Reader, out: Path, model: dict[str, Any], files: ExitStack) -> Write:
    try:
        import pyarrow
        from pyarrow.parquet import ParquetWriter
    except ImportError as error:
        raise UsageError("Parquet needs pyarrow", "pip install 'rankzoo[datasets]'") from error
    manifest = index.manifest
    names = (*FIXED, *manifest.levels, *manifest.columns)
    if "vector" in map(str.lower, names):
        raise DataError("a column is called 'vector', as the vectors are", "give --format npy")
    types = {name: pyarrow.string() for name in names} | {"id": pyarrow.int64()}
    types |= {n: getattr(pyarrow, kind)() for n, kind in number_types(index).items()}
    flat = pyarrow.list_(pyarrow.float32(), manifest.dim)
    schema = pyarrow.schema([*types.items(), ("vector", flat)], {"rankzoo": json.dumps(model)})
    writer = files.enter_context(ParquetWriter(out / TABLE, schema))

    def write(vectors: Vectors, records: Sequence[Record]) -> None:
        rows = [_row(record) for record in records]
        columns = [_column([row.get(n) for row in rows], kind) for n, kind in types.items()]
        numbers = pyarrow.array(np.ascontiguousarray(vectors).reshape(-1), pyarrow.float32())
        columns.append(pyarrow.FixedSizeListArray.from_arrays(numbers, manifest.dim))
        writer.write_table(pyarrow.table(columns, schema=schema))

    return write


def _column(values: Sequence[Any], kind: Any) -> Any:
    """Return values as a column of its type: text as it is written, numbers as numbers."""
    import pyarrow

    convert = {"string": str, "double": float}.get(str(kind), int)
    return pyarrow.array([None if v is None else convert(v) for v in values], kind)


def number_types(index: Reader) -> dict[str, str]:
    """Return the columns that hold numbers, each with the Parquet type that holds all exactly.

    Whole numbers beyond 64 bits, or beside fractions beyond 53, stay text.
    """
    found: dict[str, set[str]] = {}
    for _, records in pieces(index):
        for record in records:
            for name, value in record.extra.items():
                found.setdefault(name, set()).add(_holder(value))
    types = {name: _widest(holders) for name, holders in found.items()}
    return {name: kind for name, kind in types.items() if kind != "string"}


def _holder(value: Any) -> str:
    """Return what holds one value: `both` is a whole number that a float64 holds as well."""
    if isinstance(value, float) or str(value).lower() == "nan":
        return "float64"
    if not isinstance(value, int) or not -(2**63) <= value < 2**63:
        return "string"
    return "both" if abs(value) <= EXACT else "int64"


def _widest(holders: set[str]) -> str:
    if holders <= {"both", "int64"}:
        return "int64"
    return "float64" if holders <= {"both", "float64"} and holders else "string"


def _row(record: Record) -> dict[str, Any]:
    """Return a record as one flat row; a value that is not there is left out."""
    fixed = {"id": record.id, "path": record.path, "sha256": record.sha256}
    caption = {"caption": record.caption} if record.caption else {}
    return {**fixed, **caption, **record.labels, **record.extra}
