"""What the server allows: sizes, counts, rates, names, and the token."""

import ipaddress
import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from zoo.errors import UsageError

SHORTEST_TOKEN = 16
MAKE_TOKEN = "python -c 'import secrets; print(secrets.token_urlsafe())' > token.txt"


@dataclass(frozen=True)
class Limits:
    """The most that one request, or one client, may ask for.

    upload_bytes: of an image sent. pixels: of any image decoded. k: hits of a search.
    text, where: characters. rate: searches a second and client (0: no limit); four seconds' worth
    may come at once. seconds: for a whole request. batch: queries of one forward pass.
    waiting: queries in line before new ones are turned away. cache_bytes: of thumbnails.
    """

    upload_bytes: int = 20_000_000
    pixels: int = 50_000_000
    k: int = 1_000
    text: int = 1_000
    where: int = 2_000
    rate: int | float = 20
    seconds: int | float = 30
    batch: int = 32
    waiting: int = 256
    cache_bytes: int = 128_000_000


@dataclass(frozen=True)
class Settings:
    """How to serve.

    token: what clients must show; empty for none. names: further host names the server answers to.
    pictures: folders, besides each index's own, that its images may lie in.
    """

    host: str = "127.0.0.1"
    port: int = 8642
    token: str = ""
    names: tuple[str, ...] = ()
    pictures: tuple[Path, ...] = ()
    limits: Limits = Limits()

    @property
    def host_names(self) -> frozenset[str]:
        """Names a `Host` header may have, besides addresses."""
        own = (socket.gethostname(), socket.getfqdn()) if self.token else ()
        return frozenset(n.lower() for n in ("localhost", self.host, *own, *self.names))


def read_token(file: Path | None) -> str:
    """Return the token of a file, or of the environment variable RANKZOO_TOKEN.

    A flag would show it to everybody who lists processes.

    Raises:
        UsageError: the file cannot be read, or is empty.
    """
    if file is None:
        return os.environ.get("RANKZOO_TOKEN", "").strip()
    try:
        token = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--token-file {file} cannot be read: {error}") from error
    if not token:
        raise UsageError(f"--token-file {file} is empty", MAKE_TOKEN)
    return token


def check_door(host: str, token: str) -> None:
    """Refuse to open the door to other machines without a token.

    Raises:
        UsageError: the token is missing or too short to be one.
    """
    if token and len(token) < SHORTEST_TOKEN:
        raise UsageError(f"the token has fewer than {SHORTEST_TOKEN} characters", MAKE_TOKEN)
    if not token and not is_loopback(host):
        raise UsageError(
            f"--host {host} lets other machines in: that needs a token",
            f"{MAKE_TOKEN}, then --token-file token.txt",
        )


def check_pictures(folders: Sequence[Path]) -> None:
    """Refuse a folder of images that is not there: nothing would ever be shown from it.

    Raises:
        UsageError: naming it.
    """
    for folder in folders:
        if not folder.is_dir():
            raise UsageError(f"--pictures {folder} is no folder", "name one, or leave it out")


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server bound to `host`."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def is_address(host: str) -> bool:
    """Whether `host` is an IP address, not a name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
