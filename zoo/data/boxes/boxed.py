"""Images with boxes: what training, evaluation, drawing and labels of images are made from."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from zoo.data.item import Skipped
from zoo.errors import DataError

Layout = Literal["coco", "voc", "yolo", "jsonl"]
Policy = Literal["fail", "skip"]


@dataclass(frozen=True)
class Policies:
    """What is done with a box without area, and with an image that cannot be opened."""

    bad_boxes: Policy = "fail"
    on_bad_image: Policy = "fail"


@dataclass(frozen=True, eq=False)
class BoxedImage:
    """An image file, its upright size in pixels, and the objects marked in it.

    `edges` (object, 4) are left, top, right and bottom in pixels, counted from 0, right and bottom
    exclusive; `labels` (object,) are positions in the set's labels; `areas` (object,) in pixels are
    those of the objects, not of their boxes, where the file knows them; `ignored` (object,) marks
    crowds and difficult objects, which count as neither right nor wrong.
    """

    path: Path
    width: int
    height: int
    edges: np.ndarray
    labels: np.ndarray
    areas: np.ndarray
    ignored: np.ndarray


@dataclass(frozen=True, eq=False)
class BoxedSet:
    """The images of one part of a detection set, read from `source` and checked.

    `bad_boxes` were left out for want of area, `skipped` images for what is written beside them.
    """

    layout: Layout
    source: Path
    labels: tuple[str, ...]
    images: tuple[BoxedImage, ...]
    bad_boxes: int = 0
    skipped: tuple[Skipped, ...] = ()

    @property
    def count(self) -> int:
        """How many images it has."""
        return len(self.images)

    @property
    def boxes(self) -> int:
        """How many boxes it has, those that are ignored left out."""
        return sum(int((~image.ignored).sum()) for image in self.images)

    @property
    def used(self) -> tuple[str, ...]:
        """The labels that a box has, in the set's order."""
        seen = {int(label) for image in self.images for label in image.labels}
        return tuple(name for number, name in enumerate(self.labels) if number in seen)

    def relabelled(self, labels: Sequence[str]) -> "BoxedSet":
        """Return the set with its labels as positions in `labels`.

        Raises:
            DataError: a box has a label that is not among them.
        """
        if tuple(labels) == self.labels:
            return self
        places = {name: number for number, name in enumerate(labels)}
        unknown = next((name for name in self.used if name not in places), None)
        if unknown is not None:
            message = f"{self.source}: a box is labelled {unknown!r}, which is not among the labels"
            raise DataError(message, f"labels: {', '.join(labels)}")
        moved = np.array([places.get(name, -1) for name in self.labels], dtype=np.int64)
        images = (replace(image, labels=moved[image.labels]) for image in self.images)
        return replace(self, labels=tuple(labels), images=tuple(images))

    def require_boxes(self) -> "BoxedSet":
        """Return the set when there is something to learn or to measure in it.

        Raises:
            DataError: it has no label, or no box that counts.
        """
        if not self.labels:
            raise DataError(f"{self.source}: no label", "name the classes of its boxes")
        if not self.boxes:
            left_out = f" ({self.bad_boxes} without area were left out)" if self.bad_boxes else ""
            message = f"{self.source}: no box in its {self.count} images{left_out}"
            raise DataError(message, "there is nothing to learn or to measure")
        return self
