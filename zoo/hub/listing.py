"""What the Hub says a repository holds: read no further than a limit, then checked value by value.

`HfApi.model_info` waits without end, takes an answer of any size, and any types in it.
"""

from dataclasses import dataclass, field
from urllib.parse import quote

import httpx2
from huggingface_hub import get_session
from huggingface_hub.utils import (  # type: ignore[attr-defined]
    build_hf_headers,
    hf_raise_for_status,
)

from zoo.cards.names import COMMIT, checked_file_name, parse_hub_name
from zoo.errors import IntegrityError
from zoo.files import Blame, parse_json, typed

LARGEST = 16 * 2**20  # bytes; a file takes about 250
ANSWER_S = 10.0  # of silence on one connection, as the client's own downloads have it
_BLAME = Blame(IntegrityError, "check HF_ENDPOINT; a network with a log-in page answers like this")


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
    private: bool = False


@dataclass(frozen=True)
class _Lfs:
    sha256: str | None = None


@dataclass(frozen=True)
class _Sibling:
    rfilename: str
    size: int | None = None
    blobId: str | None = None  # noqa: N815  (the Hub's own word)
    lfs: _Lfs | None = None


@dataclass(frozen=True)
class _Listing:
    id: str
    sha: str
    siblings: list[_Sibling] = field(default_factory=list)
    private: bool = False


def read_listing(endpoint: str, repo: str, revision: str | None) -> RemoteModel:
    """Ask the Hub once.

    Raises:
        httpx2.HTTPError, HfHubHTTPError: no answer, or one that says no.
        IntegrityError: an answer that is no listing of a repository.
    """
    at = f"/revision/{quote(revision, safe='')}" if revision else ""
    what = f"{repo}@{revision}" if revision else repo
    content = _content(f"{endpoint}/api/models/{repo}{at}", what)
    return as_model(content, what)


def as_model(content: bytes, what: str) -> RemoteModel:
    """Return what a listing says.

    Raises:
        IntegrityError: naming `what` and the value that cannot be.
    """
    where = f"{what}: the Hub's listing"
    found = typed(_Listing, parse_json(content, where, _BLAME), where, _BLAME, foreign=True)
    if not COMMIT.match(found.sha) or parse_hub_name(found.id) is None:
        raise _BLAME.of(where, f"no repository and commit: {found.id!r}, {found.sha!r}")
    files = []
    for file in found.siblings:
        if (file.size or 0) < 0:
            raise _BLAME.of(where, f"{file.rfilename!r} has {file.size} bytes")
        name = checked_file_name(file.rfilename, what)
        sha256 = file.lfs.sha256 if file.lfs else None
        files.append(RemoteFile(name, file.size or 0, sha256, file.blobId))
    return RemoteModel(found.id, found.sha, tuple(files), found.private)


def _content(url: str, what: str) -> bytes:
    # Uncompressed: a few bytes of nested gzip could stand for more than the memory.
    headers = {**build_hf_headers(library_name="rankzoo"), "Accept-Encoding": "identity"}
    content = bytearray()
    with get_session().stream(
        "GET", url, params={"blobs": True}, headers=headers, timeout=ANSWER_S
    ) as response:
        for piece in response.iter_raw():
            content += piece
            if len(content) > LARGEST:
                raise _BLAME.of(what, f"an answer of more than {LARGEST // 2**20} MB")
    whole = httpx2.Response(
        response.status_code,
        headers={k: v for k, v in response.headers.items() if k != "content-encoding"},
        content=bytes(content),
        request=response.request,
    )
    hf_raise_for_status(whole)
    return bytes(content)
