"""From what an annotation file says to checked images: the one path that every layout takes."""

import logging
import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from zoo.data.boxes.boxed import BoxedImage, BoxedSet, Layout, Policies
from zoo.data.images import check_image
from zoo.data.item import Skipped, printable
from zoo.data.tree import images_below
from zoo.errors import DataError
from zoo.files import is_there, straight

logger = logging.getLogger("rankzoo")
LARGEST = 10**7  # pixels; no image that is opened is wider
Edges = tuple[float, float, float, float]


@dataclass(frozen=True)
class Box:
    """An object as a file states it: `where` names file and entry for what is wrong with it.

    `edges` may depend on the image's size (width, height), which is known when it is opened.
    """

    where: str
    label: int
    edges: Callable[[int, int], Edges]
    area: float | None = None
    ignored: bool = False


@dataclass(frozen=True)
class Entry:
    """An image as a file states it: its path, the size stated (or None) and its objects."""

    where: str
    path: Path
    boxes: tuple[Box, ...]
    size: tuple[int, int] | None = None


def boxed_set(
    layout: Layout,
    source: Path,
    labels: Sequence[str],
    entries: Sequence[Entry],
    policies: Policies,
) -> BoxedSet:
    """Open the images of the entries and check their boxes against them.

    An image's own size counts, whatever the file states. A box that reaches out of its image is cut
    to it; both are said.

    Raises:
        DataError: naming file and entry: a box without area or outside its image, an image that
            cannot be opened or was annotated before its EXIF turn; no image at all.
    """
    _refuse_repeated(source, entries)
    decode = policies.on_bad_image == "skip"
    with ThreadPoolExecutor(8) as pool:  # the time goes to the disk and to decoders
        sizes = list(pool.map(lambda entry: _size(entry, decode=decode), entries))
    skipped = [
        Skipped(printable(entry.path), str(size))
        for entry, size in zip(entries, sizes, strict=True)
        if isinstance(size, DataError)
    ]
    if skipped and policies.on_bad_image == "fail":
        raise next(size for size in sizes if isinstance(size, DataError))
    if len(skipped) == len(entries):
        more = f": all {len(entries)} are bad, the first: {skipped[0].reason}" if skipped else ""
        raise DataError(f"{source}: no images{more}")
    for one in skipped:
        logger.warning("left out %s", one.reason)
    checker = _Checker(policies)
    images = tuple(
        checker.image(entry, size)
        for entry, size in zip(entries, sizes, strict=True)
        if not isinstance(size, DataError)
    )
    checker.report(source)
    return BoxedSet(
        layout, source, tuple(labels), images, checker.counts["without area"], tuple(skipped)
    )


class ImageFinder:
    """Finds an image by the path that a file states, or failing that by its name alone."""

    def __init__(self, root: Path, places: Sequence[Path]) -> None:
        self.root, self.places = root, list(dict.fromkeys(places))
        self.by_name = 0

    def find(self, where: str, stated: str) -> Path:
        r"""Return the image's path; that of the first place when there is none.

        Labelling tools write paths of their own machine (`C:\data\a.jpg`): an absolute path or one
        that leaves the folder is looked for by its name.
        """
        path = Path(stated.replace("\\", "/"))
        if not path.is_absolute() and ".." not in path.parts:
            found = next((p / path for p in self.places if is_there(p / path, file=True)), None)
            if found is not None:
                return found
        same = self._names.get(path.name, [])
        if len(same) > 1:
            raise DataError(f"{where}: {len(same)} images are called {path.name!r}", str(same[0]))
        self.by_name += len(same)
        return same[0] if same else self.places[0] / path.name

    @cached_property
    def _names(self) -> dict[str, list[Path]]:
        names: dict[str, list[Path]] = {}
        for path in images_below(self.root):
            names.setdefault(path.name, []).append(path)
        return names


def number(where: str, name: str, value: object) -> float:
    """Return a finite number of pixels.

    Raises:
        DataError: it is text, a list, null, not finite, or larger than any image.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise DataError(f"{where}: {name} is {value!r}, not a number")
    if not math.isfinite(value) or abs(value) > LARGEST:
        raise DataError(f"{where}: {name} is {value}, no number of pixels")
    return float(value)


def size_stated(width: object, height: object) -> tuple[int, int] | None:
    """Return the size that a file states, or None for one that no image has (0, empty, text)."""
    try:
        sides = float(str(width)), float(str(height))
    except ValueError:
        return None
    if not all(side.is_integer() and 0 < side <= LARGEST for side in sides):
        return None
    return int(sides[0]), int(sides[1])


class _Checker:
    """Checks boxes image by image, and counts what is to be said of all of them together."""

    def __init__(self, policies: Policies) -> None:
        self.policies = policies
        self.counts: Counter[str] = Counter()
        self.first: dict[str, str] = {}

    def image(self, entry: Entry, size: tuple[int, int]) -> BoxedImage:
        if entry.size is not None and entry.size != size:
            self._note("of another size than stated", entry.where)
        kept = [(box, found) for box in entry.boxes if (found := self._edges(box, entry, size))]
        edges = np.array([found for _, found in kept], dtype=np.float64).reshape(len(kept), 4)
        sides = edges[:, 2:] - edges[:, :2]
        stated = [math.nan if box.area is None else box.area for box, _ in kept]
        areas = np.array(stated, dtype=np.float64)
        for box, _ in kept:
            if box.area == 0:
                self._note("of area 0 stated", box.where)
        areas = np.where(areas > 0, areas, sides.prod(axis=1))
        labels = np.array([box.label for box, _ in kept], dtype=np.int64)
        ignored = np.array([box.ignored for box, _ in kept], dtype=bool)
        return BoxedImage(entry.path, *size, edges, labels, areas, ignored)

    def report(self, source: Path) -> None:
        said = {
            "without area": "boxes without area are left out",
            "beyond": "boxes reach beyond their image, and are cut to it",
            "of area 0 stated": "boxes state an area of 0; width x height is taken",
            "of another size than stated": "images have another size than stated; theirs counts",
        }
        for kind, count in self.counts.items():
            logger.warning("%s: %d %s (%s)", source, count, said[kind], self.first[kind])

    def _edges(self, box: Box, entry: Entry, size: tuple[int, int]) -> Edges | None:
        width, height = size
        left, top, right, bottom = box.edges(width, height)
        if right > left and bottom > top:
            inside = (
                max(left, 0.0),
                max(top, 0.0),
                min(right, float(width)),
                min(bottom, float(height)),
            )
            if inside[2] > inside[0] and inside[3] > inside[1]:
                # Tools round: what is beyond by less than a pixel stays as it was written.
                if max(-left, -top, right - width, bottom - height) < 1:
                    return left, top, right, bottom
                _refuse_turned(box, entry, size)
                self._note("beyond", box.where)
                return inside
        if self.policies.bad_boxes == "skip":
            self._note("without area", box.where)
            return None
        sides = f"{right - left:.6g} x {bottom - top:.6g}"
        where = "" if right > left and bottom > top else f"the box is {sides}"
        where = where or f"the box lies outside of its image of {width} x {height}"
        hint = "correct it, or leave such boxes out with --set bad_boxes=skip"
        raise DataError(f"{box.where}: {where}", hint)

    def _note(self, kind: str, where: str) -> None:
        self.counts[kind] += 1
        self.first.setdefault(kind, f"the first: {where}")


def _refuse_turned(box: Box, entry: Entry, size: tuple[int, int]) -> None:
    if entry.size == size[::-1] and size[0] != size[1]:
        stated, upright = (f"{w} x {h}" for w, h in (entry.size, size))
        raise DataError(
            f"{box.where}: drawn on an image of {stated}, which EXIF turns to {upright}",
            "save the image upright without EXIF, or draw its boxes on the turned one",
        )


def _size(entry: Entry, *, decode: bool) -> tuple[int, int] | DataError:
    if not is_there(entry.path):
        where = f"{entry.where}: image {entry.path.name} is not in {entry.path.parent}"
        return DataError(where, "add it, or leave such images out with --on-bad-image skip")
    try:
        return check_image(entry.path, decode=decode)
    except DataError as error:
        return error


def _refuse_repeated(source: Path, entries: Iterable[Entry]) -> None:
    seen: dict[Path, str] = {}
    for entry in entries:
        path = straight(entry.path)
        if path in seen:
            message = f"{entry.where}: image {entry.path.name} is also that of {seen[path]}"
            raise DataError(message, f"{source} may name each image once")
        seen[path] = entry.where
