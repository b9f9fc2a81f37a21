"""Image sets of the Hub by name: `hf:owner/name[@revision]`, streamed into a folder of images.

The rows come through `datasets`, one after the other: the shards are not kept, and each image is
written as it was uploaded. `hf:owner/name?split=train&image=photo&label=kind&caption=text` says
what is not to be guessed; `config=NAME` and `rows=1000` (the first of each split) too.
"""

import logging
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from urllib.parse import parse_qsl

from zoo.cards.names import COMMIT, parse_hub_name
from zoo.errors import UnavailableError, UsageError
from zoo.files import cache_dir
from zoo.hub.cache import Pin, pin_path, read_pin, single_writer, write_pin
from zoo.hub.client import hub_api, is_offline
from zoo.hub.failures import told
from zoo.hub.retry import with_retries
from zoo.hub.streaming import MARK, ImageSet, stream
from zoo.progress import Track, silent

LOG = logging.getLogger("rankzoo")


@dataclass(frozen=True)
class Brought:
    """Where data lies, and the name that means the same data for ever."""

    path: Path
    name: str


def bring(data: Path, *, offline: bool = False, track: Track = silent) -> Brought:
    """Return a path as it is, or the folder of a set of the Hub, which is streamed there once.

    The first download of a branch or tag pins its commit.

    Raises:
        UsageError: a name or column that is not one, or `datasets` is missing.
        UnavailableError: no such set or revision, no network, or offline and absent.
        DataError: a row without an image or label.
    """
    word = data.as_posix()
    if not word.startswith(MARK):
        return Brought(data, str(data))
    asked = parse(word)
    commit = _pinned(asked, offline)
    choice = word.removeprefix(MARK).partition("?")[2]
    pinned = f"{MARK}{asked.repo}@{commit}" + (f"?{choice}" if choice else "")
    folder = cache_dir() / "sets" / f"{asked.repo.replace('/', '--')}-{_digest(pinned)}"
    with single_writer(folder):
        if not folder.exists():
            if offline or is_offline():
                raise UnavailableError(f"{pinned}: not in the cache", "run once without --offline")
            stream(replace(asked, revision=commit), folder, track)
    LOG.info(f"{word} is {pinned}, in {folder}")
    return Brought(folder, pinned)


def parse(word: str) -> ImageSet:
    """Read a set's name.

    Raises:
        UsageError: it is not one, or something is asked that there is not.

    >>> parse("hf:owner/name@main?rows=10") == ImageSet("owner/name", "main", rows=10)
    True
    >>> parse("hf:owner/name") == ImageSet("owner/name")
    True
    """
    name, _, choice = word.removeprefix(MARK).partition("?")
    source = parse_hub_name(name)
    if source is None:
        raise UsageError(f"{word}: no name of a set", "hf:owner/name or hf:owner/name@revision")
    asked = dict(parse_qsl(choice, keep_blank_values=True))
    known = ("config", "split", "image", "label", "caption", "rows")
    rows = asked.pop("rows", "0")
    wrong = [key for key in asked if key not in known]
    if wrong or not rows.isdigit() or "" in asked.values() or (choice and "=" not in choice):
        raise UsageError(
            f"{word}: {choice!r} is not understood", f"?key=value& of {', '.join(known)}"
        )
    return ImageSet(source.repo, source.revision, **asked, rows=int(rows))


def _pinned(asked: ImageSet, offline: bool) -> str:
    """Return the commit of a set: as named, as pinned before, or as the Hub says now."""
    if COMMIT.match(asked.revision or ""):
        return str(asked.revision)
    path = pin_path(f"datasets/{asked.repo}", asked.revision)
    if (pin := read_pin(path)) is not None:
        return pin.commit
    what = f"{MARK}{asked.repo}" + (f"@{asked.revision}" if asked.revision else "")
    if offline or is_offline():
        raise UnavailableError(f"{what}: not in the cache", "run once without --offline")
    with told(what):
        info = with_retries(
            lambda: hub_api().dataset_info(asked.repo, revision=asked.revision), what
        )
    with single_writer(path):
        write_pin(path, Pin(asked.repo, str(info.sha), ()))
    return str(info.sha)


def _digest(name: str) -> str:
    return sha256(name.encode()).hexdigest()[:16]
