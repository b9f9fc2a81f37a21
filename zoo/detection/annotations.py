"""The parts of a detection set that a recipe names: where its layout has them, or as they lie."""

from pathlib import Path

from zoo.data.boxes.boxed import BoxedSet, Policies
from zoo.data.boxes.coco import read_coco
from zoo.data.boxes.layouts import KNOWN, find_parts, read_split
from zoo.data.boxes.voc import read_voc
from zoo.errors import DataError


def find_part(folder: Path, layout: str, name: str, policies: Policies | str = "fail") -> BoxedSet:
    """Return the part `name` of the set in `folder`, after checking all of it.

    Where the recipe's layout has no such part, the set's own layout and splits are found: `train`
    and `train2017` then mean its training part, `test` and `val2017` the one to measure on.
    `policies` may be what to do with boxes without area alone.

    Raises:
        DataError: it is not there, its annotations are broken, or it has no box; says where.
    """
    if isinstance(policies, str):
        policies = Policies(bad_boxes="skip" if policies == "skip" else "fail")
    exact = _EXACT[layout](folder, name, policies) if layout in _EXACT else None
    if exact is not None:
        return exact.require_boxes()
    if layout in _EXACT and not (folder.exists() and find_parts(folder)):
        raise DataError(f"{_missing(folder, layout, name)} is missing", KNOWN)
    return read_split(folder, name, policies).require_boxes()


def _exact_coco(folder: Path, name: str, policies: Policies) -> BoxedSet | None:
    file = folder / "annotations" / f"instances_{name}.json"
    if not file.is_file():
        return None
    places = [folder / name, folder / "images" / name, folder / "images", folder]
    return read_coco(file, folder, [*places, *sorted(folder.glob("*/JPEGImages"))], policies)


def _exact_voc(folder: Path, name: str, policies: Policies) -> BoxedSet | None:
    year, _, split = name.partition("/")
    roots = (folder / year, folder / "VOCdevkit" / year, folder)
    root = next((root for root in roots if (root / "Annotations").is_dir()), None)
    if root is None or not (root / "ImageSets" / "Main" / f"{split}.txt").is_file():
        return None
    return read_voc(root, split, policies)


_EXACT = {"coco": _exact_coco, "voc": _exact_voc}


def _missing(folder: Path, layout: str, name: str) -> Path:
    if layout == "coco":
        return folder / "annotations" / f"instances_{name}.json"
    year, _, split = name.partition("/")
    return folder / year / "ImageSets" / "Main" / f"{split}.txt"
