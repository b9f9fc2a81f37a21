"""What lies in a folder: the images, the folders, and every other thing that is left out."""

import logging
import stat
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from zoo.data.images import SUFFIXES
from zoo.data.item import Skipped, printable
from zoo.errors import DataError

logger = logging.getLogger("rankzoo")

# What systems and storage boxes put beside images, in lower case.
_SYSTEM = frozenset(
    ("__macosx", "@eadir", "#recycle", "$recycle.bin", "lost+found", "thumbs.db", "desktop.ini")
)
_UNREAD = dict.fromkeys((".heic", ".heif"), "HEIC is not read; save it as JPEG")
_HIDDEN = "hidden, or a system's own"
_CIRCLE = "a link to a folder above it"
_SHOWN = 3


@dataclass(frozen=True)
class Listing:
    """The content of one folder, sorted by name; `left_out` are the things that are neither."""

    images: tuple[Path, ...]
    folders: tuple[Path, ...]
    left_out: tuple[Skipped, ...]


def list_folder(folder: Path) -> Listing:
    """Return what lies in a folder: regular files with an image's suffix, and folders.

    Hidden things, `__MACOSX`, `@eaDir` and the like are left out, as are pipes, devices, links to
    nothing and links to a folder above.

    Raises:
        DataError: the folder cannot be listed.
    """
    try:
        paths = sorted(folder.iterdir())
    except OSError as error:
        raise DataError(f"{printable(folder)}: cannot be listed: {error.strerror}") from error
    images, folders, left_out = [], [], []
    for path in paths:
        kind = _kind(path)
        if kind == "image":
            images.append(path)
        elif kind == "folder":
            folders.append(path)
        else:
            left_out.append(Skipped(printable(path), kind))
    return Listing(tuple(images), tuple(folders), tuple(left_out))


def images_below(
    folder: Path, left_out: list[Skipped] | None = None, above: frozenset[Path] = frozenset()
) -> Iterator[Path]:
    """Yield the images in a folder and all folders below it; note the rest in `left_out`.

    `above` are the folders that were walked through to get here: a link to one of them ends.

    Raises:
        DataError: a folder cannot be listed.
    """
    left_out = [] if left_out is None else left_out
    found = list_folder(folder)
    left_out += found.left_out
    yield from found.images
    above |= {folder.resolve()}
    for inner in found.folders:
        if inner.resolve() in above:
            left_out.append(Skipped(printable(inner), _CIRCLE))
        else:
            yield from images_below(inner, left_out, above)


def report_left_out(left_out: Sequence[Skipped]) -> None:
    """Say how many files were left out for each reason, and name the first of them."""
    reasons: dict[str, list[str]] = defaultdict(list)
    for thing in left_out:
        reasons[thing.reason].append(thing.path)
    for reason, paths in reasons.items():
        more = f", and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else ""
        level = logging.INFO if reason == _HIDDEN else logging.WARNING
        logger.log(level, "left out (%s): %s%s", reason, ", ".join(paths[:_SHOWN]), more)


def _kind(path: Path) -> str:
    """Return "image", "folder", or why it is neither."""
    if path.name.startswith(".") or path.name.lower() in _SYSTEM:
        return _HIDDEN
    try:
        mode = path.stat().st_mode
    except OSError as error:
        return f"cannot be looked at: {error.strerror}"
    if stat.S_ISDIR(mode):
        return _CIRCLE if _leads_back(path) else "folder"
    if not stat.S_ISREG(mode):
        return "a pipe, device or socket"
    suffix = path.suffix.lower()
    if suffix in SUFFIXES:
        return "image"
    return _UNREAD.get(suffix, f"{suffix or 'no suffix'}: not an image's suffix")


def _leads_back(path: Path) -> bool:
    if not path.is_symlink():
        return False
    target = path.resolve()
    return path.parent.resolve().is_relative_to(target)
