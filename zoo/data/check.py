"""What lies at a path before anything is trained: layout, splits, classes, sizes, and faults."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from zoo.data.boxes.boxed import BoxedSet, Policies
from zoo.data.boxes.layouts import find_parts
from zoo.data.dataset import ImageDataset, read_dataset
from zoo.data.images import image_size
from zoo.data.item import SPLITS, Skipped, printable
from zoo.data.levels import Crossing, crossings
from zoo.data.readers import recognise
from zoo.progress import Track, silent

SKIP = Policies(bad_boxes="skip", on_bad_image="skip")


@dataclass(frozen=True)
class SplitFacts:
    """A split ("" for data without any): its images, their classes, captions and boxes."""

    split: str
    images: int
    classes: int
    smallest_class: str
    smallest: int
    captions: int = 0
    boxes: int = 0


@dataclass(frozen=True)
class Duplicates:
    """Files of the same bytes: the first and all others, and whether they cross splits."""

    first: str
    others: tuple[str, ...]
    across: bool


@dataclass(frozen=True)
class DataReport:
    """What was found at `path`.

    `levels` maps a label level to how many names it has; `sizes` are the shortest and longest
    sides and the median ones, in pixels; `left_out` are files that are not read, and why;
    `examples` are paths of images by class, a few each; `crossings` say where levels are no tree.
    """

    path: str
    layout: str
    splits: tuple[SplitFacts, ...]
    levels: dict[str, int]
    sizes: dict[str, int]
    duplicates: tuple[Duplicates, ...]
    left_out: tuple[Skipped, ...]
    bad_boxes: int
    examples: dict[str, tuple[str, ...]]
    crossings: tuple[Crossing, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether nothing is in two splits, damaged, or without area."""
        across = any(found.across for found in self.duplicates)
        return not (across or self.bad_boxes or any(map(_is_fault, self.left_out)))

    def as_json(self) -> dict[str, Any]:
        """Return plain values, with `ok`."""
        return {"ok": self.ok, **asdict(self)}


@dataclass(frozen=True)
class _Seen:
    path: Path
    split: str
    labels: tuple[str, ...]


def check_data(path: Path, track: Track = silent) -> DataReport:
    """Read the data at `path` as training would, decode every image, and say what was found.

    Raises:
        DataError: nothing there can be read as images, or an annotation file is malformed.
    """
    parts = find_parts(path)
    if parts:
        ordered = sorted(parts, key=lambda part: _place(part.split))
        found = [(part.split, part.read(SKIP)) for part in ordered]
        return _of_boxes(path, found, track)
    dataset = read_dataset(path, on_bad_image="skip", require_labels=False)
    return _of_items(path, dataset, track)


def _of_items(path: Path, dataset: ImageDataset, track: Track) -> DataReport:
    seen = [_Seen(item.path, item.split, item.labels) for item in dataset.items]
    splits = []
    for split in sorted({one.split for one in seen}, key=_place):
        items = [item for item in dataset.items if item.split == split]
        classes = Counter(item.labels[0] for item in items if item.labels)
        captions = sum(len(item.captions) for item in items)
        splits.append(_facts(split, len(items), classes, captions=captions))
    names = zip(dataset.levels, dataset.label_names, strict=True)
    listed = f"manifest ({dataset.manifest.suffix})" if dataset.manifest else ""
    layout = recognise(path) or listed or ("class folders" if dataset.levels else "images")
    levels = {level: len(found) for level, found in names}
    known = {"layout": layout, "levels": levels, "left_out": dataset.skipped, "bad_boxes": 0}
    known["crossings"] = crossings((item.labels for item in dataset.items), dataset.levels)
    return _report(path, seen, {**known, "splits": tuple(splits)}, track)


def _of_boxes(path: Path, parts: Sequence[tuple[str, BoxedSet]], track: Track) -> DataReport:
    seen, splits, labels = [], [], set()
    for split, part in parts:
        names = [tuple(part.labels[n] for n in image.labels) for image in part.images]
        seen += [_Seen(i.path, split, n) for i, n in zip(part.images, names, strict=True)]
        classes = Counter(name for of_image in names for name in of_image)
        splits.append(_facts(split, part.count, classes, boxes=part.boxes))
        labels |= set(classes)
    skipped = [one for _, part in parts for one in part.skipped]
    bad = sum(part.bad_boxes for _, part in parts)
    layout = f"boxes ({parts[0][1].layout})"
    known = {"layout": layout, "levels": {"label": len(labels)}, "left_out": tuple(skipped)}
    return _report(path, seen, {**known, "bad_boxes": bad, "splits": tuple(splits)}, track)


def _report(
    path: Path, seen: Sequence[_Seen], known: Mapping[str, Any], track: Track
) -> DataReport:
    with ThreadPoolExecutor(8) as pool:  # the time goes to the disk
        paths = [one.path for one in seen]
        digests = list(track(pool.map(_digest, paths), "comparing", len(paths)))
        sizes = list(pool.map(image_size, paths))
    return DataReport(
        path=str(path),
        sizes=_sides(sizes),
        duplicates=tuple(_duplicates(seen, digests)),
        examples=_examples(seen),
        **known,
    )


def _facts(split: str, images: int, classes: Counter[str], **more: int) -> SplitFacts:
    smallest = min(classes, key=lambda name: (classes[name], name)) if classes else ""
    return SplitFacts(split, images, len(classes), smallest, classes[smallest], **more)


def _sides(sizes: Sequence[tuple[int, int]]) -> dict[str, int]:
    sides = [side for size in sizes for side in size]
    return {
        "shortest": min(sides),
        "median_width": round(median(width for width, _ in sizes)),
        "median_height": round(median(height for _, height in sizes)),
        "longest": max(sides),
    }


def _duplicates(seen: Sequence[_Seen], digests: Sequence[bytes]) -> Iterable[Duplicates]:
    same: dict[bytes, list[_Seen]] = defaultdict(list)
    for one, digest in zip(seen, digests, strict=True):
        same[digest].append(one)
    for first, *others in (group for group in same.values() if len(group) > 1):
        across = any(other.split != first.split for other in others)
        names = tuple(printable(other.path) for other in others)
        yield Duplicates(printable(first.path), names, across)


def _examples(seen: Sequence[_Seen]) -> dict[str, tuple[str, ...]]:
    classes, each = 24, 4
    found: dict[str, list[str]] = defaultdict(list)
    for one in seen:
        for label in dict.fromkeys(one.labels[:1] or ("",)):
            if len(found) < classes or label in found:
                found[label] += [printable(one.path)][: each - len(found[label])]
    return {label: tuple(paths) for label, paths in found.items()}


def _place(split: str) -> int:
    return ("", *SPLITS).index(split)


def _is_fault(skipped: Skipped) -> bool:
    """Whether a file that was left out looked like an image: its reason then names the file."""
    return Path(skipped.path).name in skipped.reason


def _digest(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()
