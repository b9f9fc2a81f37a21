"""Writing files so that nothing is lost or half-written, and naming their content."""

import errno
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.errors import UsageError


def cache_dir() -> Path:
    """Return rankzoo's own cache folder: `RANKZOO_CACHE`, else `~/.cache/rankzoo`."""
    chosen = os.environ.get("RANKZOO_CACHE")
    if chosen:
        return Path(chosen).expanduser()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "rankzoo"


def sha256_of(path: Path) -> str:
    """Return the hex sha256 of a file, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@dataclass(frozen=True)
class Facts:
    """What a file must be: its size in bytes and its content's sha256."""

    size: int
    sha256: str

    @classmethod
    def of(cls, path: Path) -> "Facts":
        """Measure a file."""
        return cls(path.stat().st_size, sha256_of(path))


def is_there(path: Path, *, file: bool = False) -> bool:
    """Whether something (a regular `file`) is there; a name too long for any file is not."""
    try:
        return path.is_file() if file else path.exists()
    except OSError as error:  # without permission to look, nobody knows
        if error.errno != errno.ENAMETOOLONG:
            raise
        return False


def looks_like_path(text: str, suffixes: Collection[str] = ()) -> bool:
    """Whether a text names a place on disk rather than a model, a repository, or words.

    It exists, or is written as a path is (`./a`, `~/a`, `/a`, `a/`), or lies in a folder that
    exists (`runs/nope`), or ends in one of `suffixes`.
    """
    path = Path(text).expanduser()
    try:
        if path.exists():
            return True
        inside = len(path.parts) > 1 and path.parent.is_dir()
    except OSError:  # a long text is no file name
        return False
    written = text.startswith(("./", "../", "/", "~")) or text.endswith("/")
    return written or inside or path.suffix.lower() in suffixes


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success flush it and rename it over `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o644)
        _fsync(temporary)
        temporary.replace(path)
        _fsync(path.parent)
    finally:
        with suppress(FileNotFoundError):
            temporary.unlink()


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def as_yaml(value: Any) -> str:
    """Return a value as YAML for people: keys in their order, letters as they are, lines whole."""
    import yaml

    text: str = yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=1000)
    return text


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file atomically, indented, with a final newline."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def refuse_to_overwrite(folder: Path) -> None:
    """Raise unless `folder` is missing or empty, and its nearest existing parent is writable.

    Raises:
        UsageError: naming the folder and what to do.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder} already exists", "choose another --out, or remove it first")
    parent = next(p for p in (folder, *folder.absolute().parents) if p.exists())
    if not os.access(parent, os.W_OK):
        raise UsageError(f"{folder} cannot be written: no permission in {parent}")


@contextmanager
def staged_folder(folder: Path) -> Iterator[Path]:
    """Yield a temporary folder that becomes `folder` in one rename when the block succeeds.

    Raises:
        UsageError: `folder` exists and is not empty, or cannot be written.
    """
    refuse_to_overwrite(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    try:
        yield temporary
        temporary.chmod(0o755)
        _flush(list(temporary.rglob("*")))
        if os.name == "nt" and folder.exists():
            folder.rmdir()  # it is empty; Windows renames over nothing that is there
        temporary.replace(folder)
        _fsync(folder.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _flush(paths: list[Path]) -> None:
    # Thousands of small images at about 3 ms each would take longer than drawing them: one sync of
    # everything costs a tenth of a second.
    if len(paths) > 100 and hasattr(os, "sync"):  # Windows has no such call
        os.sync()
        return
    for path in paths:
        _fsync(path)


def _fsync(path: Path) -> None:
    if os.name == "nt" and path.is_dir():
        return  # Windows opens no folder, and writes its entries itself
    descriptor = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
