"""One pinned, verified snapshot of a Hub repository."""

import hashlib
import logging
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from zoo.cards.model_files import WEIGHTS, is_intact, record_of
from zoo.cards.names import COMMIT
from zoo.cards.sources import FileRecord, HubSource
from zoo.errors import IntegrityError, RankzooError, UnavailableError
from zoo.files import sha256_of
from zoo.hub.cache import Pin, pin_path, read_pin, single_writer, write_pin
from zoo.hub.client import describe, fetch, hub_cache, is_offline, repo_folder, snapshot_folder
from zoo.hub.failures import told
from zoo.hub.listing import RemoteFile
from zoo.hub.patience import patient
from zoo.hub.progress import tracked
from zoo.progress import Track, silent

LOG = logging.getLogger("rankzoo")
_TEXT = (".json", ".txt")
_LARGEST_TEXT = 32 * 2**20  # tokenizer.json of a large vocabulary is 17 MB
# The first that is there: ours and transformers' before open_clip's, tensors before pickles.
_WEIGHTS = (
    WEIGHTS,
    "open_clip_model.safetensors",
    "pytorch_model.bin",
    "open_clip_pytorch_model.bin",
)


@dataclass(frozen=True)
class Snapshot:
    """A verified local copy of a commit."""

    path: Path
    repo: str
    revision: str
    files: tuple[FileRecord, ...]


def wanted_files(files: Sequence[RemoteFile], prefer: str = "") -> list[RemoteFile]:
    """Choose what a model needs: small texts, and weights as safetensors (a pickle only if none).

    Weights whose name begins with `prefer` come before all others.

    Raises:
        UnavailableError: the repository holds no weights.
    """
    texts = [f for f in files if f.name.endswith(_TEXT) and f.size <= _LARGEST_TEXT]
    texts = [f for f in texts if f.name.count("/") == 0 or f.name.startswith("1_Pooling/")]
    named = {f.name: f for f in files}
    order = sorted(_WEIGHTS, key=lambda name: not name.startswith(prefer))
    weights = [named[name] for name in order if name in named][:1]
    if not weights:
        raise UnavailableError(
            f"no {', no '.join(_WEIGHTS[:3])} in it", "choose a repository with model weights"
        )
    return texts + weights


@patient()
def download(
    source: HubSource,
    *,
    offline: bool = False,
    refresh: bool = False,
    track: Track = silent,
) -> Snapshot:
    """Return a verified snapshot, from the cache when its pin still holds, else from the Hub.

    The first download of a branch or tag pins its commit; `refresh` asks the Hub again.

    Raises:
        UnavailableError: not found, gated, offline and absent, no network, no space (code 4).
        IntegrityError: content that is not what the Hub or the pin promised (code 5).
    """
    path = pin_path(source.repo, source.revision, source.prefer)
    pin = None if refresh else read_pin(path)
    if pin is not None and not damaged(pin):
        return _snapshot(pin)
    if offline or is_offline():
        raise _offline_error(source, pin)
    with single_writer(path):
        pin = None if refresh else read_pin(path)  # another process may have finished meanwhile
        if pin is None or damaged(pin):
            pin = _download(source, pin, track)
            write_pin(path, pin)
    return _snapshot(pin)


def damaged(pin: Pin) -> list[str]:
    """Return the names of pinned files that are missing from the cache or differ."""
    folder = snapshot_folder(pin.repo, pin.commit)
    return [record.name for record in pin.files if not is_intact(folder / record.name, record)]


def plan_download(
    source: HubSource, *, offline: bool = False, refresh: bool = False
) -> tuple[str, Sequence[RemoteFile | FileRecord]]:
    """Return the commit and the files that `download` would give, without bringing them.

    Raises:
        UnavailableError: offline, and not in the cache; or as `describe`.
    """
    pin = None if refresh else read_pin(pin_path(source.repo, source.revision, source.prefer))
    if pin is not None:
        return pin.commit, pin.files
    if offline or is_offline():
        raise _offline_error(source, pin)
    remote = describe(source.repo, source.revision)
    return remote.commit, wanted_files(remote.files, source.prefer)


def _download(source: HubSource, pin: Pin | None, track: Track) -> Pin:
    remote = describe(source.repo, pin.commit if pin else source.revision)
    if remote.repo.lower() != source.repo.lower():
        LOG.warning("%s is now called %s", source.repo, remote.repo)
    if COMMIT.match(source.revision or "") and remote.commit != source.revision:
        raise IntegrityError(f"{source}: the Hub answers with commit {remote.commit}")
    try:
        files = wanted_files(remote.files, source.prefer)
    except UnavailableError as error:
        raise UnavailableError(f"{source}: {error}", error.hint) from error
    _require_space(sum(file.size for file in files), source)
    records = []
    with _no_leftovers(repo_folder(remote.repo) / "blobs"):
        for file in files:
            bring = partial(_fetch_verified, remote.repo, remote.commit, file)
            records.append(tracked(bring, track, file.name, file.size))
    return Pin(remote.repo, remote.commit, tuple(records))


@contextmanager
def _no_leftovers(folder: Path) -> Iterator[None]:
    """Remove what a transfer that was given up or interrupted had begun to write."""
    before = set(folder.glob("*.incomplete"))
    try:
        yield
    except BaseException:
        for path in set(folder.glob("*.incomplete")) - before:
            path.unlink(missing_ok=True)
        raise


def _fetch_verified(
    repo: str, commit: str, file: RemoteFile, advance: Callable[[int], None]
) -> FileRecord:
    """Fetch a file whose content is what the Hub promises; a wrong one is fetched once more."""
    for _ in range(2):
        path = fetch(repo, commit, file.name, advance=advance)
        if path.stat().st_size == file.size and _content_matches(path, file):
            return record_of(path, file.name)
        LOG.warning("%s@%s %s: wrong content, removed", repo, commit[:8], file.name)
        with told(f"{repo}@{commit[:8]} {file.name}"):
            path.resolve().unlink(missing_ok=True)
            path.unlink(missing_ok=True)
    raise IntegrityError(
        f"{repo}@{commit[:8]} {file.name}: its content is not what the Hub's own hash says",
        "nothing was kept; try again, or another HF_ENDPOINT",
    )


def _content_matches(path: Path, file: RemoteFile) -> bool:
    if file.sha256 is not None:
        return sha256_of(path) == file.sha256
    if file.blob is not None:  # git's name of a small file: sha1 over a header and the content
        content = path.read_bytes()
        return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest() == file.blob
    return True


def _require_space(needed: int, source: HubSource) -> None:
    folder = hub_cache()
    existing = next(p for p in (folder, *folder.absolute().parents) if p.exists())
    free = shutil.disk_usage(existing).free
    if free < needed:
        raise UnavailableError(
            f"{source}: needs {needed / 1e6:.1f} MB, and {existing} has {free / 1e6:.1f} MB free",
            "free some space, or set HF_HOME to another disk",
        )


def _snapshot(pin: Pin) -> Snapshot:
    return Snapshot(snapshot_folder(pin.repo, pin.commit), pin.repo, pin.commit, pin.files)


def _offline_error(source: HubSource, pin: Pin | None) -> RankzooError:
    if pin is None:
        return UnavailableError(f"{source}: not in the cache", "download it once without --offline")
    names = ", ".join(damaged(pin))
    return IntegrityError(f"{source}: damaged in the cache: {names}", "repair it without --offline")
