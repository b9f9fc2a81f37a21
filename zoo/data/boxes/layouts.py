"""Which layout a detection set has, and which parts: nobody has to say it."""

import logging
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from zoo.data.boxes.boxed import BoxedSet, Layout, Policies
from zoo.data.boxes.coco import read_coco
from zoo.data.boxes.jsonl import jsonl_rows, read_jsonl
from zoo.data.boxes.voc import read_voc, read_voc_folder
from zoo.data.boxes.yolo import CLASS_LISTS, image_folders, read_yolo, yolo_config
from zoo.data.dataset import choose
from zoo.data.splits import split_of
from zoo.data.tree import images_below, list_folder
from zoo.errors import DataError
from zoo.files import is_there

logger = logging.getLogger("rankzoo")
HELD_OUT = 0.2
KNOWN = (
    "layouts: COCO (annotations/instances_<split>.json, or <split>/_annotations.coco.json), VOC "
    "(ImageSets, or XML files beside the images), YOLO (data.yaml), JSONL with objects"
)
_COCO_ELSE = re.compile(r"captions|keypoints|panoptic|stuff|info", re.IGNORECASE)


@dataclass(frozen=True)
class FoundPart:
    """A part of a detection set: its layout, its split ("" when it has none) and its reader."""

    layout: Layout
    split: str
    source: Path
    read: Callable[[Policies], BoxedSet]


def find_parts(path: Path) -> list[FoundPart]:
    """Return the parts of the detection set at `path`, in the first layout it has; [] for none.

    Raises:
        DataError: `path` is not there, a list of splits is broken, or two parts are one split.
    """
    if not is_there(path):
        raise DataError(f"{path}: no such file or folder")
    for find in (_one_file,) if path.is_file() else _FOLDERS:
        found = list(find(path))
        if found:
            _refuse_doubled(path, found)
            return found
    return []


def read_split(path: Path, name: str, policies: Policies = Policies()) -> BoxedSet:
    """Read what `name` (`train`, `val2017`, `VOC2007/test`, …) means in the set at `path`.

    A set without the split asked for is measured on the other of val and test; one with neither on
    a fifth of its images, chosen by the hash of their names, and trained on the rest.

    Raises:
        DataError: no detection set, or none of its parts is meant; lists them.
    """
    parts = find_parts(path)
    if not parts:
        raise DataError(f"{path}: no detection set", KNOWN)
    wanted = meant_split(name)
    there = {part.split: part for part in parts}
    whole = there.get("train") or there.get("")
    measured = [split for split in ("test", "val") if split in there]
    if wanted == "train" and whole is not None:
        return whole.read(policies) if measured else _share(whole, policies, held_out=False)
    if wanted in there:
        return there[wanted].read(policies)
    if wanted in ("test", "val") and measured:
        logger.info("%s: no split %s, %s is taken", path, wanted, measured[0])
        return there[measured[0]].read(policies)
    if wanted in ("test", "val") and whole is not None:
        return _share(whole, policies, held_out=True)
    listed = ", ".join(part.split or "one without a split" for part in parts)
    raise DataError(f"{path}: no part {name!r}", f"parts of this set: {listed}")


def meant_split(name: str) -> str:
    """Return the split that a part's name tells first: `VOC2007/trainval` is train."""
    words = re.findall(r"[a-z]+", name.lower().replace("trainval", "train"))
    return next((split for word in words if (split := split_of(word))), "")


def _share(part: FoundPart, policies: Policies, *, held_out: bool) -> BoxedSet:
    whole = part.read(policies)
    names = ["/".join(image.path.parts[-2:]) for image in whole.images]
    chosen = set(choose(list(dict.fromkeys(names)), HELD_OUT))
    pairs = zip(names, whole.images, strict=True)
    kept = tuple(image for name, image in pairs if (name in chosen) == held_out)
    use = "measured on" if held_out else "trained on"
    logger.info(
        "%s: no split to measure on: %d of %d images are %s, chosen by name",
        *(part.source, len(kept), len(whole.images), use),
    )
    return replace(whole, images=kept)


def _coco(path: Path) -> Iterator[FoundPart]:
    folder = path / "annotations" if (path / "annotations").is_dir() else path
    files = [f for f in sorted(folder.glob("*.json")) if _is_coco(f)]
    for file in files:
        split = meant_split(file.stem)
        yield _coco_part(path, file, split, _places(path, split, file))


def _coco_of_splits(path: Path) -> Iterator[FoundPart]:
    for folder in list_folder(path).folders:
        for file in sorted(folder.glob("*.json")):
            if split_of(folder.name) and _is_coco(file):
                places = [folder, folder / "images"]
                yield _coco_part(path, file, split_of(folder.name), places)


def _coco_part(path: Path, file: Path, split: str, places: Sequence[Path]) -> FoundPart:
    return FoundPart("coco", split, file, lambda policies: read_coco(file, path, places, policies))


def _places(path: Path, split: str, file: Path) -> list[Path]:
    words = re.findall(r"[A-Za-z]+\d*", file.stem)
    named = [word for word in words if meant_split(word) == split] if split else []
    folders = [split, *named]
    places = [path / "images" / name for name in folders] + [path / name for name in folders]
    return [*places, path / "images", path, file.parent, *sorted(path.glob("*/JPEGImages"))]


def _is_coco(file: Path) -> bool:
    if _COCO_ELSE.search(file.stem):
        return False
    if file.stem.startswith("instances_") or file.name == "_annotations.coco.json":
        return True
    content = file.read_bytes()
    return all(key in content for key in (b'"images"', b'"annotations"', b'"categories"'))


def _voc(path: Path) -> Iterator[FoundPart]:
    years = sorted(path.glob("VOC[0-9]*")) + sorted(path.glob("VOCdevkit/VOC[0-9]*"))
    root = next((p for p in (path, *years) if (p / "ImageSets" / "Main").is_dir()), None)
    if root is None:
        return
    files = sorted((root / "ImageSets" / "Main").glob("*.txt"))
    names = [file.stem for file in files if "_" not in file.stem]
    if {"trainval", "test"} <= set(names):
        names = ["trainval", "test"]
    elif {"train", "val"} <= set(names):
        names = [name for name in names if name != "trainval"]
    for name in names:
        read = _voc_reader(root, name)
        yield FoundPart("voc", meant_split(name), root / f"ImageSets/Main/{name}.txt", read)


def _voc_reader(root: Path, name: str) -> Callable[[Policies], BoxedSet]:
    return lambda policies: read_voc(root, name, policies)


def _yolo(path: Path) -> Iterator[FoundPart]:
    for file in sorted((*path.glob("*.yaml"), *path.glob("*.yml"))):
        yield from _yolo_parts(file)


def _yolo_parts(file: Path) -> Iterator[FoundPart]:
    value = yolo_config(file)
    for key in (key for key in value if isinstance(key, str) and split_of(key)):
        if any(_holds_image(place) for place in image_folders(file, value, key)):
            yield FoundPart("yolo", split_of(key), file, _yolo_reader(file, key))


def _yolo_reader(file: Path, key: str) -> Callable[[Policies], BoxedSet]:
    return lambda policies: read_yolo(file, key, policies)


def _holds_image(place: Path) -> bool:
    return place.is_file() or next(images_below(place), None) is not None


def _class_lists(path: Path) -> Iterator[FoundPart]:
    file = next((path / name for name in CLASS_LISTS if (path / name).is_file()), None)
    if file is not None:
        yield FoundPart("yolo", "", file, _yolo_reader(file, ""))


def _jsonl(path: Path) -> Iterator[FoundPart]:
    files = [*sorted(path.glob("*.jsonl")), *sorted(path.glob("*/*.jsonl"))]
    for file in files:
        yield from _jsonl_parts(file, "" if file.parent == path else split_of(file.parent.name))


def _jsonl_parts(file: Path, split: str = "") -> Iterator[FoundPart]:
    rows = [row for _, row in jsonl_rows(file)]
    if not any("objects" in row or "boxes" in row for row in rows):
        return
    splits = {split_of(str(row["split"])) for row in rows if row.get("split")}
    if len(splits) > 1:
        for one in sorted(splits):
            yield FoundPart("jsonl", one, file, _jsonl_reader(file, one))
    else:
        named = next(iter(splits), "") or split or meant_split(file.stem)
        yield FoundPart("jsonl", named, file, _jsonl_reader(file, ""))


def _jsonl_reader(file: Path, split: str) -> Callable[[Policies], BoxedSet]:
    return lambda policies: read_jsonl(file, split, policies)


def _xml(path: Path) -> Iterator[FoundPart]:
    folders = list_folder(path).folders
    splits = [f for f in folders if split_of(f.name) and any(f.rglob("*.xml"))]
    if not splits and any(path.rglob("*.xml")):
        yield FoundPart("voc", "", path, _xml_reader(path))
    for folder in splits:
        yield FoundPart("voc", split_of(folder.name), folder, _xml_reader(folder))


def _xml_reader(folder: Path) -> Callable[[Policies], BoxedSet]:
    return lambda policies: read_voc_folder(folder, policies)


def _one_file(file: Path) -> Iterator[FoundPart]:
    match file.suffix.lower():
        case ".jsonl":
            yield from _jsonl_parts(file)
        case ".json":
            if _is_coco(file):
                split = meant_split(file.stem)
                path = file.parent.parent if file.parent.name == "annotations" else file.parent
                yield _coco_part(path, file, split, _places(path, split, file))
        case ".yaml" | ".yml":
            yield from _yolo_parts(file)


# In this order: a set exported in two layouts is read in the first.
_FOLDERS = (_coco, _voc, _yolo, _coco_of_splits, _jsonl, _class_lists, _xml)


def _refuse_doubled(path: Path, parts: Sequence[FoundPart]) -> None:
    seen: dict[str, Path] = {}
    for part in parts:
        if part.split in seen:
            named = f"the split {part.split}" if part.split else "a part without a split"
            message = f"{path}: {seen[part.split].name} and {part.source.name} are both {named}"
            raise DataError(message, "name one of them by its file, or move it elsewhere")
        seen[part.split] = part.source
