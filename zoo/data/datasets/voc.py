"""PASCAL VOC 2007 and 2012: which classes an image holds.

`VOCdevkit/VOC2007/{JPEGImages,Annotations,ImageSets/Main}`; scenes made by
`zoo.data.synthetic.scenes` have the same layout.
"""

from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Bool
from torch import Tensor

from zoo.data.reader import need, read_lines, read_table
from zoo.errors import DataError

SOURCE = (
    "it comes with VOCtrainval_06-Nov-2007.tar, VOCtest_06-Nov-2007.tar or "
    "VOCtrainval_11-May-2012.tar from host.robots.ox.ac.uk/pascal/VOC"
)
CLASSES = (
    *("aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow"),
    *("diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa"),
    *("train", "tvmonitor"),
)


@dataclass(frozen=True)
class MultiLabelSet:
    """Images with any number of classes each.

    `present[i, c]`: image i holds an object of class c that is not difficult. `difficult[i, c]`: it
    holds only difficult ones, so that the pair counts neither as right nor as wrong.
    """

    name: str
    root: Path
    paths: tuple[Path, ...]
    classes: tuple[str, ...]
    present: Bool[Tensor, "image category"]
    difficult: Bool[Tensor, "image category"]

    def __len__(self) -> int:
        return len(self.paths)


def find_years(path: Path, year: str | None = None) -> list[Path]:
    """Return the year folders (`VOC2007`, …) at or below `path`, sorted; one of them if `year`.

    Raises:
        DataError: there is none.
    """
    name = f"VOC{year}" if year else "VOC[0-9][0-9][0-9][0-9]"
    candidates = [path, *sorted(path.glob(name)), *sorted(path.glob(f"VOCdevkit/{name}"))]
    found = [folder for folder in candidates if (folder / "ImageSets" / "Main").is_dir()]
    if year:
        found = [folder for folder in found if folder.name == name or folder == path]
    if not found:
        raise DataError(f"{path / 'ImageSets' / 'Main'}: missing", SOURCE)
    return found[:1] if found[0] == path else found


def read_voc_labels(path: Path, split: str, *, year: str | None = None) -> MultiLabelSet:
    """Read the image-level labels of a split from `<class>_<split>.txt` (1, -1, or 0: difficult).

    With several years below `path`, their images follow each other, as in VOC07+12.

    Raises:
        DataError: a file is missing or a line malformed, or the years have different classes.
    """
    sets = [_read_year_labels(folder, split) for folder in find_years(path, year)]
    if len({one.classes for one in sets}) > 1:
        raise DataError(f"{path}: its years have different classes", "read one year at a time")
    return MultiLabelSet(
        name=f"voc-{split}",
        root=path,
        paths=tuple(image for one in sets for image in one.paths),
        classes=sets[0].classes,
        present=torch.cat([one.present for one in sets]),
        difficult=torch.cat([one.difficult for one in sets]),
    )


def _names(folder: Path, split: str) -> list[str]:
    path = folder / "ImageSets" / "Main" / f"{split}.txt"
    there = sorted(p.stem for p in path.parent.glob("*.txt") if "_" not in p.stem)
    if not path.exists() and there:
        raise DataError(f"{path}: missing", f"splits there: {', '.join(there)}; {SOURCE}")
    return [line.split()[0] for line in read_lines(path, SOURCE)]


def _read_year_labels(folder: Path, split: str) -> MultiLabelSet:
    names = _names(folder, split)
    sets = folder / "ImageSets" / "Main"
    ours = sorted(p.name.removesuffix(f"_{split}.txt") for p in sets.glob(f"*_{split}.txt"))
    classes = CLASSES if not ours or set(ours) <= set(CLASSES) else tuple(ours)
    marks = [_read_marks(sets / f"{label}_{split}.txt", names) for label in classes]
    table = torch.tensor(marks, dtype=torch.int8).T
    images = tuple(need(folder / "JPEGImages" / f"{name}.jpg", SOURCE) for name in names)
    return MultiLabelSet(folder.name, folder, images, classes, table == 1, table == 0)


def _read_marks(path: Path, names: list[str]) -> list[int]:
    marks = {}
    for number, (name, mark) in read_table(path, ("image", "mark"), SOURCE):
        if mark not in ("1", "-1", "0"):
            raise DataError(f"{path} line {number}: {mark!r} is not 1, -1 or 0", SOURCE)
        marks[name] = int(mark)
    missing = next((name for name in names if name not in marks), None)
    if missing:
        raise DataError(f"{path}: no line for image {missing}", SOURCE)
    return [marks[name] for name in names]
