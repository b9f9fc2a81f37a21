"""The index folder: one pointer, one writer, and generations that are never changed in place.

`CURRENT` names the manifest of a generation and its sha256; the manifest does the same for every
other file. A reader follows the pointer once and sees that generation for ever; a writer puts new
files beside the old ones and moves the pointer last, in one rename.
"""

import json
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from zoo.errors import IntegrityError, RankzooError, UnavailableError
from zoo.files import Blame, Facts, read_json, read_object, sha256_of, typed, write_json, write_text
from zoo.index.manifest import Manifest
from zoo.progress import Track, silent

POINTER = "CURRENT"
LOCK = "lock"
SEEN = ".verified.json"
SEGMENTS = "segments"
POINTER_SIZE = 1_000  # bytes; it has 100
DAMAGED = Blame(hint="it is damaged: restore a copy, or build again")
_OURS = ("generation-", f".{POINTER}.", ".generation-", f".{SEEN}.")  # last three: half-written


@dataclass(frozen=True)
class Pointer:
    """The content of `CURRENT`."""

    generation: int
    sha256: str


def read_current(folder: Path) -> Manifest:
    """Read the manifest that is current now.

    Raises:
        UnavailableError: `folder` is no index.
        IntegrityError: the pointer or the manifest is damaged.
    """
    pointer = folder / POINTER
    if not pointer.is_file():
        raise UnavailableError(f"{folder} is no index", "rankzoo index build makes one")
    found = typed(Pointer, read_json(pointer, DAMAGED, POINTER_SIZE), pointer, DAMAGED)
    generation, promised = found.generation, found.sha256
    if pointer.read_bytes() != _pointer_text(generation, promised).encode():
        raise _damaged(pointer, "")
    path = folder / manifest_name(generation)
    if not path.is_file():
        raise _damaged(path, "(missing)")
    if sha256_of(path) != promised:
        raise _damaged(path, "(its sha256 is not the one CURRENT promises)")
    return Manifest.from_json(read_object(path, DAMAGED), path)


def manifest_name(generation: int) -> str:
    """File name of a generation's manifest."""
    return f"generation-{generation:06d}.json"


def publish(folder: Path, manifest: Manifest) -> None:
    """Make `manifest` the current one; every file it names is already on disk."""
    path = folder / manifest_name(manifest.generation)
    write_json(path, manifest.to_json())
    write_text(folder / POINTER, _pointer_text(manifest.generation, sha256_of(path)))


@contextmanager
def writing(folder: Path) -> Iterator[Manifest]:
    """Hold the writer's lock; yield the current manifest; sweep leftovers before and after.

    Raises:
        RankzooError: another process is writing.
    """
    read_current(folder)
    try:
        lock = FileLock(folder / LOCK).acquire(timeout=0)
    except Timeout as error:
        raise RankzooError(f"{folder}: another process is writing", "try again later") from error
    with lock:
        manifest = read_current(folder)
        sweep(folder, manifest)
        yield manifest
        sweep(folder, read_current(folder))


def sweep(folder: Path, manifest: Manifest) -> None:
    """Remove what no reader will look for: other generations, and what a killed writer left."""
    keep = {folder / name for name in (*manifest.files, manifest_name(manifest.generation))}
    keep |= {path.parent for path in keep if path.parent != folder / SEGMENTS}
    candidates = [p for p in folder.iterdir() if p.name.startswith(_OURS)]
    for path in (*candidates, *(folder / SEGMENTS).iterdir()):
        if path in keep:
            continue
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def check_files(
    folder: Path, manifest: Manifest, *, trust_seen: bool, track: Track = silent
) -> int:
    """Compare every file with its promised size and sha256; return how many bytes were read.

    With `trust_seen`, a file that passed before and whose size, inode and times are the same
    since is not read again: that is what lets a large index open in no time.

    Raises:
        IntegrityError: naming the first file that is missing or differs.
    """
    seen = _read_seen(folder) if trust_seen else {}
    files = track(manifest.files.items(), "verify", len(manifest.files))
    passed, total = _compared(folder, files, seen)
    if passed != seen:
        with suppress(OSError):  # a read-only index is read in full every time
            write_json(folder / SEEN, passed)
    return total


def check_some(folder: Path, files: Mapping[str, Facts]) -> None:
    """Compare some of an index's files with what was promised of them; see `check_files`.

    Raises:
        IntegrityError: naming the first file that is missing or differs.
    """
    _compared(folder, files.items(), _read_seen(folder))


def _compared(
    folder: Path, files: Iterable[tuple[str, Facts]], seen: Mapping[str, list[Any]]
) -> tuple[dict[str, list[Any]], int]:
    """Return the stamps of files that are as promised, and how many bytes were read."""
    passed: dict[str, list[Any]] = {}
    total = 0
    for name, facts in files:
        path = folder / name
        stamp = _stamp(path, facts)
        if seen.get(name) != stamp:
            if sha256_of(path) != facts.sha256:
                raise _damaged(path, "(its sha256 is not the one the manifest promises)")
            total += facts.size
        passed[name] = stamp
    return passed, total


def _stamp(path: Path, facts: Facts) -> list[Any]:
    try:
        found = path.stat()
    except FileNotFoundError as error:
        raise _damaged(path, "(missing)") from error
    if found.st_size != facts.size:
        raise _damaged(path, f"({found.st_size} bytes, not {facts.size})")
    return [facts.sha256, found.st_size, found.st_ino, found.st_mtime_ns, found.st_ctime_ns]


def _read_seen(folder: Path) -> dict[str, Any]:
    try:
        return read_object(folder / SEEN)
    except (OSError, IntegrityError):  # then every file is read again
        return {}


def _pointer_text(generation: int, sha256: str) -> str:
    return json.dumps({"generation": generation, "sha256": sha256}) + "\n"


def _damaged(path: Path, why: str) -> IntegrityError:
    return IntegrityError(f"{path} is damaged {why}".rstrip(), DAMAGED.hint)
