"""What rankzoo remembers between calls: pins of Hub revisions, and weights converted once."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from zoo.cards.sources import FileRecord
from zoo.errors import IntegrityError, UnavailableError
from zoo.files import cache_dir, read_sealed, typed, write_sealed


@dataclass(frozen=True)
class Pin:
    """The commit a name was resolved to, and the verified files of that commit."""

    repo: str
    commit: str
    files: tuple[FileRecord, ...]


def pin_path(repo: str, revision: str | None, prefer: str = "") -> Path:
    """Return where the pin of `repo@revision` is kept; no revision means the default branch.

    Of a repository whose weights were chosen by how their name begins, there is another pin.
    """
    name = f"{repo}@{revision or 'main'}".replace("/", "--")
    return cache_dir() / "pins" / f"{name}{'+' if prefer else ''}{prefer}.json"


def read_pin(path: Path) -> Pin | None:
    """Read a pin; a missing or damaged one counts as absent, since the Hub can tell again."""
    try:
        return typed(Pin, read_sealed(path), path)
    except (OSError, IntegrityError):
        return None


def write_pin(path: Path, pin: Pin) -> None:
    """Write a pin atomically."""
    records = [record.as_json() for record in pin.files]
    write_sealed(path, {"repo": pin.repo, "commit": pin.commit, "files": records})


@contextmanager
def single_writer(path: Path) -> Iterator[None]:
    """Hold the lock beside `path`, so that of several processes one does the work.

    Raises:
        UnavailableError: the cache cannot be written.
    """
    from filelock import FileLock  # `rankzoo list` reads pins, and writes none

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path.with_name(f".{path.name}.lock"))
        lock.acquire()
    except OSError as error:
        raise UnavailableError(
            f"{path.parent}: the cache cannot be written ({error.strerror})",
            "set RANKZOO_CACHE to a folder you own",
        ) from error
    try:
        yield
    finally:
        lock.release()
