"""The Hub behind four questions, on top of `huggingface_hub`: describe, fetch, cached, API."""

import os
from collections.abc import Callable
from pathlib import Path

from huggingface_hub import HfApi, get_hf_file_metadata, hf_hub_download, hf_hub_url

from zoo.hub.failures import told
from zoo.hub.listing import RemoteModel, read_listing
from zoo.hub.progress import silent_bar
from zoo.hub.retry import with_retries

DEFAULT_ENDPOINT = "https://huggingface.co"


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
        IntegrityError: an answer that is no listing, or a file name that leaves its folder.
    """
    what = f"{repo}@{revision}" if revision else repo
    with told(what):
        return with_retries(lambda: read_listing(endpoint(), repo, revision), what)


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

    def bring() -> str:
        if not (snapshot_folder(repo, commit) / name).exists():
            _ask_once(repo, commit, name)
        return hf_hub_download(
            repo,
            name,
            revision=commit,
            endpoint=endpoint(),
            cache_dir=hub_cache(),
            token=os.environ.get("HF_TOKEN"),
            library_name="rankzoo",
            tqdm_class=silent_bar(advance),
        )

    with told(what):
        return Path(with_retries(bring, what))


def _ask_once(repo: str, commit: str, name: str) -> None:
    """Raise what the Hub says about a file; the download itself would ask six times over 23 s."""
    url = hf_hub_url(repo, name, revision=commit, endpoint=endpoint())
    get_hf_file_metadata(url, token=os.environ.get("HF_TOKEN"), library_name="rankzoo")


def repo_folder(repo: str) -> Path:
    """Return where the Hub cache keeps a repository."""
    return hub_cache() / f"models--{repo.replace('/', '--')}"


def snapshot_folder(repo: str, commit: str) -> Path:
    """Return where the Hub cache keeps the files of a commit."""
    return repo_folder(repo) / "snapshots" / commit
