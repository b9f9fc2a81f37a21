"""The rows of an image set on the Hub, one after the other, as images and a manifest."""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.data.datasets.hub_folder import CAPTIONS, LABELS, unpack_row
from zoo.data.item import Item
from zoo.data.manifest import write_manifest
from zoo.data.splits import split_of
from zoo.errors import DataError, UsageError
from zoo.files import staged_folder
from zoo.hub.failures import told
from zoo.progress import Track

MARK = "hf:"
LOG = logging.getLogger("rankzoo")


@dataclass(frozen=True)
class ImageSet:
    """A set's name and what is asked of it; empty: found by itself. `rows` 0: all."""

    repo: str
    revision: str | None = None
    config: str = ""
    split: str = ""
    image: str = ""
    label: str = ""
    caption: str = ""
    rows: int = 0


def stream(asked: ImageSet, folder: Path, track: Track) -> None:
    """Write the images of a set and their manifest into `folder`, which appears whole.

    Raises:
        UsageError: `datasets` is missing; a split, config or column has to be named, or is absent.
        UnavailableError: no network.
        DataError: a row without an image, or without the label that others have.
    """
    splits = _open(asked)
    features = next(iter(splits.values())).features or {}
    columns = _columns(asked, features)
    said = ", ".join(f"{kind} from column {name}" for kind, name in columns.items() if name)
    LOG.info(f"{MARK}{asked.repo}: {said}")
    with staged_folder(folder) as staged, told(f"{MARK}{asked.repo}"):
        items: list[Item] = []
        for name, rows in splits.items():
            split = split_of(name) if len(splits) > 1 else ""  # alone: classes are held out
            shown = track(_rows(rows, columns, asked.rows), f"bring {name}", None)
            for number, row in enumerate(shown):
                path = staged / name / f"{number:07d}"
                where = f"{asked.repo}, split {name}, row {number + 1}"
                items.append(unpack_row(where, row, _names(features, columns), path, split))
        if not items:
            raise DataError(f"{MARK}{asked.repo}: no row", "is it the right config and split?")
        if bare := next((i for i in items if len(i.labels) != len(items[0].labels)), None):
            raise DataError(
                f"{MARK}{asked.repo}: {bare.path.stem} of {bare.path.parent.name} lacks a label"
            )
        levels = ("label", "label_level_2")[: len(items[0].labels)]
        write_manifest(staged / "manifest.jsonl", items, levels)


def _open(asked: ImageSet) -> dict[str, Any]:
    """Return the rows to come of each split that was asked for, or whose name says what it is."""
    try:
        from datasets import load_dataset
    except ImportError as error:
        raise UsageError("hf: needs datasets", "pip install 'rankzoo[datasets]'") from error
    what = f"{MARK}{asked.repo}"
    with told(what):
        try:
            config = asked.config or None
            found = load_dataset(asked.repo, config, revision=asked.revision, streaming=True)
        except ValueError as error:  # a config is missing, or another one
            said = str(error).splitlines()[0]
            raise UsageError(f"{what}: {said}", "name one: ?config=NAME") from error
    there = dict(found)
    if asked.split:
        wanted = asked.split.split(",")
        if absent := [name for name in wanted if name not in there]:
            raise UsageError(f"{what}: no split {absent[0]}", f"it has {', '.join(there)}")
        return {name: there[name] for name in wanted}
    kept = {name: rows for name, rows in there.items() if split_of(name) or len(there) == 1}
    if left := [name for name in there if name not in kept]:
        LOG.warning(f"{what}: left out split {', '.join(left)}; ?split={left[0]} names it")
    if not kept:
        raise UsageError(f"{what}: which split?", f"?split= one of {', '.join(there)}")
    return kept


def _columns(asked: ImageSet, features: Mapping[str, Any]) -> dict[str, str]:
    """Return the columns of image, label, second level and caption; "" where there is none.

    Raises:
        UsageError: a column that was asked for is not there, or it has to be asked for.
    """
    for name in (asked.image, asked.label, asked.caption):
        if name and name not in features:
            raise UsageError(f"{asked.repo}: no column {name}", f"it has {', '.join(features)}")
    images = _image_columns(features)
    classes = [name for name, kind in features.items() if type(kind).__name__ == "ClassLabel"]
    fine, coarse = (next((n for n in names if n in features), "") for names in LABELS)
    usual = [name for name in images if name in ("image", "img")]
    texts = next((name for name in CAPTIONS if name in features), "")
    return {
        "image": asked.image or _one(asked.repo, "image", usual[:1] or images),
        "label": asked.label or fine or (_one(asked.repo, "label", classes) if classes else ""),
        "coarse_label": "" if asked.label else coarse,
        "caption": asked.caption or texts,
    }


def _one(repo: str, what: str, found: list[str]) -> str:
    if len(found) != 1:
        hint = f"?{what}=NAME" + (f": {', '.join(found)}" if found else "")
        raise UsageError(f"{repo}: {len(found)} columns may hold the {what}", hint)
    return found[0]


def _image_columns(features: Mapping[str, Any]) -> list[str]:
    """Return the columns of images, or else those of bytes, alone or beside a path."""
    images = [name for name, kind in features.items() if type(kind).__name__ == "Image"]
    return images or [name for name, kind in features.items() if _holds_bytes(kind)]


def _holds_bytes(kind: Any) -> bool:
    inner = kind.get("bytes") if isinstance(kind, dict) else kind
    return getattr(inner, "dtype", "") in {"binary", "large_binary"}


def _names(features: Mapping[str, Any], columns: Mapping[str, str]) -> dict[str, Any]:
    """Return the names of each label column's classes, by our column, as parquet metadata does."""
    found = {ours: getattr(features.get(name), "names", None) for ours, name in columns.items()}
    return {ours: {"names": names} for ours, names in found.items() if names}


def _rows(rows: Any, columns: Mapping[str, str], most: int) -> Iterator[dict[str, Any]]:
    """Yield rows under our names for the columns in use; other images are left out."""
    theirs = {name: ours for ours, name in columns.items() if name}
    images = _image_columns(rows.features or {})
    rows = rows.decode(False)
    others = {*images, *(n for names in (*LABELS, CAPTIONS) for n in names)} - theirs.keys()
    for row in rows.take(most) if most else rows:
        used = {theirs.get(name, name): v for name, v in row.items() if name not in others}
        yield {**used, "image": _whole(used["image"])}


def _whole(image: Any) -> Any:
    """Return an image with its bytes: of a folder of image files only the address is sent."""
    if isinstance(image, dict) and image.get("bytes") is None and image.get("path"):
        import fsspec

        with fsspec.open(image["path"], "rb") as file:
            return {**image, "bytes": file.read(), "path": image["path"].rpartition("/")[2]}
    return image
