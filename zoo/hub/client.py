"""The Hub behind four questions, on top of `huggingface_hub`: describe, fetch, cached, API."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huggingface_hub import HfApi, hf_hub_download

from zoo.cards.names import checked_file_name
from zoo.hub.failures import told
from zoo.hub.progress import silent_bar
from zoo.hub.retry import with_retries

DEFAULT_ENDPOINT = "https://huggingface.co"


@dataclass(frozen=True)
class RemoteFile:
    """A file of a commit: `sha256` is set for LFS files, `blob` is git's own sha1 of the rest."""

    name: str
    size: int
    sha256: str | None
    blob: str | None


@dataclass(frozen=True)
class RemoteModel:
    """A repository at one commit; `repo` is its present name, which a rename changes."""

    repo: str
    commit: str
    files: tuple[RemoteFile, ...]


def endpoint() -> str:
    """Return the Hub's address: `HF_ENDPOINT`, for a mirror or a test, else the public one."""
    return (os.environ.get("HF_ENDPOINT") or DEFAULT_ENDPOINT).rstrip("/")


def is_offline() -> bool:
    """Whether `HF_HUB_OFFLINE` forbids connections."""
    return os.environ.get("HF_HUB_OFFLINE", "").lower() in {"1", "on", "yes", "true"}


def hub_cache() -> Path:
    """Return the Hub client's cache: `HF_HUB_CACHE`, else `HF_HOME/hub`."""
    chosen = os.environ.get("HF_HUB_CACHE")
    if chosen:
        return Path(chosen).expanduser()
    home = os.environ.get("HF_HOME")
    return (Path(home).expanduser() if home else Path.home() / ".cache/huggingface") / "hub"


def hub_api() -> HfApi:
    """Return the client for the present endpoint; the token is `HF_TOKEN` or the saved one."""
    return HfApi(endpoint=endpoint(), token=os.environ.get("HF_TOKEN"), library_name="rankzoo")


def describe(repo: str, revision: str | None) -> RemoteModel:
    """Ask what `repo` is at `revision`: its commit and files.

    Raises:
        UnavailableError: not found, gated, or no answer.
        IntegrityError: a file name that leaves its folder.
    """
    what = f"{repo}@{revision}" if revision else repo
    with told(what):
        info = with_retries(
            lambda: hub_api().model_info(repo, revision=revision, files_metadata=True), what
        )
    files = [_remote_file(entry, what) for entry in info.siblings or []]
    return RemoteModel(str(info.id), str(info.sha), tuple(files))


def fetch(
    repo: str, commit: str, name: str, *, advance: Callable[[int], None] | None = None
) -> Path:
    """Download one file of a commit into the Hub cache and return its path there.

    `advance` is told the bytes as they arrive.

    Raises:
        UnavailableError: no answer, no access, no space.
        IntegrityError: the transfer ended early, again and again.
    """
    what = f"{repo}@{commit[:8]} {name}"
    with told(what):
        path = with_retries(
            lambda: hf_hub_download(
                repo,
                name,
                revision=commit,
                endpoint=endpoint(),
                cache_dir=hub_cache(),
                token=os.environ.get("HF_TOKEN"),
                library_name="rankzoo",
                tqdm_class=silent_bar(advance),
            ),
            what,
        )
    return Path(path)


def snapshot_folder(repo: str, commit: str) -> Path:
    """Return where the Hub cache keeps the files of a commit."""
    return hub_cache() / f"models--{repo.replace('/', '--')}" / "snapshots" / commit


def _remote_file(entry: Any, where: str) -> RemoteFile:
    name = checked_file_name(entry.rfilename, where)
    sha256 = entry.lfs.sha256 if entry.lfs else None
    return RemoteFile(name, int(entry.size or 0), sha256, entry.blob_id)
