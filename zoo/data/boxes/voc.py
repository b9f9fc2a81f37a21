"""PASCAL VOC's XML, in its own folders or beside the images as labelling tools write it."""

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from zoo.data.boxes.boxed import BoxedSet, Policies
from zoo.data.boxes.entries import Box, Edges, Entry, ImageFinder, boxed_set, number, size_stated
from zoo.data.datasets.voc import CLASSES
from zoo.data.images import SUFFIXES
from zoo.data.reader import read_lines
from zoo.errors import DataError
from zoo.files import is_there

SOURCE = "VOC: ImageSets/Main/<split>.txt, Annotations/<name>.xml and JPEGImages/<name>.jpg"
SIDES = ("xmin", "ymin", "xmax", "ymax")
# What tools write for an object that nobody judged: CVAT and old VOC years leave it out or empty.
_FLAGS = {
    **dict.fromkeys(("1", "true", "yes"), True),
    **dict.fromkeys(("0", "false", "no", "", "unspecified"), False),
}
_Raw = tuple[str, Callable[[int, int], Edges], str, bool]


def read_voc(root: Path, split: str, policies: Policies = Policies()) -> BoxedSet:
    """Read `ImageSets/Main/<split>.txt` of the year folder `root`, one image's name a line.

    In a folder called `VOC2007` whose labels are VOC's, these are all twenty in their order.

    Raises:
        DataError: naming the file, the object and the value at fault.
    """
    file = root / "ImageSets" / "Main" / f"{split}.txt"
    names = [_name(file, root, line) for line in read_lines(file, SOURCE)]
    if not names:
        raise DataError(f"{file}: no images", SOURCE)
    twice = next((name for name in names if names.count(name) > 1), None) if _repeats(names) else ""
    if twice:
        raise DataError(f"{file}: image {twice} is listed twice", "name each image once")
    places = [(root / "Annotations" / f"{name}.xml", name) for name in names]
    finder = ImageFinder(root, [root / "JPEGImages"])
    return _read(file, root, places, finder, policies)


def read_voc_folder(folder: Path, policies: Policies = Policies()) -> BoxedSet:
    """Read all XML files below a folder; an image lies beside its file, or anywhere below `folder`.

    Raises:
        DataError: naming the file, the object and the value at fault.
    """
    files = sorted(p for p in folder.rglob("*.xml") if not _hidden(p.relative_to(folder)))
    if not files:
        raise DataError(f"{folder}: no XML file", SOURCE)
    parents = {near for file in files for near in (file.parent, file.parent.parent / "JPEGImages")}
    finder = ImageFinder(folder, [*sorted(parents), folder / "images", folder])
    return _read(folder, folder, [(file, file.stem) for file in files], finder, policies)


def _read(
    source: Path,
    root: Path,
    places: Sequence[tuple[Path, str]],
    finder: ImageFinder,
    policies: Policies,
) -> BoxedSet:
    trees = [(file, name, _tree(file)) for file, name in places]
    raw = [list(_objects(file, tree)) for file, _, tree in trees]
    seen = {label for objects in raw for _, _, label, _ in objects}
    official = re.fullmatch(r"VOC\d{4}", root.name) and seen <= set(CLASSES)
    labels = CLASSES if official else tuple(sorted(seen))
    number_of = {label: place for place, label in enumerate(labels)}
    entries = []
    for (file, name, tree), objects in zip(trees, raw, strict=True):
        boxes = tuple(
            Box(where, number_of[label], edges, ignored=ignored)
            for where, edges, label, ignored in objects
        )
        size = size_stated(tree.findtext("size/width"), tree.findtext("size/height"))
        entries.append(Entry(str(file), _image(file, name, tree, finder), boxes, size))
    return boxed_set("voc", source, labels, entries, policies)


def _image(file: Path, name: str, tree: ElementTree.Element, finder: ImageFinder) -> Path:
    for suffix in (".jpg", *sorted(SUFFIXES - {".jpg"})):
        for cased in (suffix, suffix.upper()):
            found = next(
                (p for d in finder.places if is_there(p := d / f"{name}{cased}", file=True)), None
            )
            if found is not None:
                return found
    stated = (tree.findtext("filename") or "").strip()
    return finder.find(str(file), stated or f"{name}.jpg")


def _objects(file: Path, tree: ElementTree.Element) -> Iterator[_Raw]:
    for place, thing in enumerate(tree.findall("object"), start=1):
        where = f"{file}, object {place}"
        label = (thing.findtext("name") or "").strip()
        if not label:
            raise DataError(f"{where}: no name", SOURCE)
        flag = (thing.findtext("difficult") or "").strip()
        if flag.lower() not in _FLAGS:
            raise DataError(f"{where}: difficult is {flag!r}, not 0 or 1")
        left, top, right, bottom = (_side(where, thing, side) for side in SIDES)
        # VOC counts pixels from 1 and includes the last one: edges are xmin - 1 and xmax.
        yield where, _fixed((left - 1, top - 1, right, bottom)), label, _FLAGS[flag.lower()]


def _side(where: str, thing: ElementTree.Element, side: str) -> float:
    text = thing.findtext(f"bndbox/{side}")
    try:
        value: Any = float(text or "")
    except ValueError as error:
        takes = f"it takes {', '.join(SIDES)}"
        raise DataError(f"{where}: no whole bndbox: {side} is {text!r}", takes) from error
    return number(where, side, value)


def _fixed(edges: Edges) -> Callable[[int, int], Edges]:
    return lambda *_: edges


def _tree(file: Path) -> ElementTree.Element:
    try:
        content = file.read_bytes()
    except FileNotFoundError as error:
        raise DataError(f"{file} is missing", "every image of the set needs one") from error
    except OSError as error:
        raise DataError(f"{file}: cannot be read: {error.strerror}") from error
    except ValueError as error:  # a null byte in a list of names
        raise DataError(f"{str(file)!r}: {error}", "its list of images is damaged") from error
    plain = content.replace(b"\0", b"")  # as UTF-16 too
    if b"<!DOCTYPE" in plain or b"<!ENTITY" in plain:
        raise DataError(f"{file}: declares XML entities, which annotations never do")
    try:
        return ElementTree.fromstring(content)
    except ElementTree.ParseError as error:
        raise DataError(f"{file} line {error.position[0]}: {error}", "it is no XML") from error
    except (LookupError, ValueError) as error:
        raise DataError(f"{file}: {error}", "save it as UTF-8") from error


def _name(file: Path, root: Path, line: str) -> str:
    name = line.strip()
    if not is_there(root / "Annotations" / f"{name}.xml") and re.search(r"\s-?[01]$", name):
        name = name.rsplit(maxsplit=1)[0]  # `<class>_<split>.txt` has a mark after the name
    if Path(name).is_absolute() or ".." in Path(name).parts:
        raise DataError(f"{file}: {name!r} leaves the folder", SOURCE)
    return name


def _repeats(names: Sequence[str]) -> bool:
    return len(set(names)) < len(names)


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") or part == "__MACOSX" for part in path.parts)
