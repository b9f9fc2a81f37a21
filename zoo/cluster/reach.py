"""Reaching a Ray cluster, and refusing what is none, or is of another version."""

import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any

from zoo import __version__
from zoo.errors import UnavailableError, UsageError

STARTS = 3
KNOCK_S = 5.0  # seconds until nobody opens
HELLO_S = 30.0  # seconds until who opened has said what it is: a busy cluster takes its time
HELLO = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
SETTINGS = 4  # kind of the first frame of whoever speaks gRPC (RFC 9113, 3.4)
HINT = "ray start --head starts one; without --address one is started here"
VERSIONS = "install one version of ray, and of Python, on every machine"
TOKEN = "RAY_AUTH_MODE=token shows ~/.ray/auth_token, or RAY_AUTH_TOKEN, which all machines need"
QUIET = {
    "RAY_BACKEND_LOG_LEVEL": "fatal",  # its C++ writes to our stderr
    "RAY_NUM_REDIS_GET_RETRIES": "2",  # of 40 s each; 20 would be a quarter of an hour
}


@dataclass(frozen=True)
class Cluster:
    """Where work is done, and what a worker takes of its machine.

    address: of a running cluster (`auto`: the one on this machine); None starts a local one and
    ends it afterwards. cpus, gpus: of a worker, fractions allowed; gpus None: as `fit_for` says.
    """

    address: str | None = None
    cpus: int | float = 1
    gpus: int | float | None = None

    def fit_for(self, device: str) -> "Cluster":
        """Return one with a GPU a worker where the work runs on GPUs and nobody said how many."""
        if self.gpus is not None:
            return self
        return replace(self, gpus=float(device.startswith("cuda")))


def refuse_other_version(version: str) -> None:
    """Refuse to work for a rankzoo of another version: it would make other vectors.

    Raises:
        UnavailableError: `version`, of who asks, is not the one here.
    """
    if version != __version__:
        found = f"a worker has rankzoo {__version__}, this is {version}"
        raise UnavailableError(found, "install one version on every machine")


def go_to(folder: str) -> None:
    """Work in the folder of who asks, where this machine has it: relative names mean the same."""
    if folder and Path(folder).is_dir():
        os.chdir(folder)


@contextmanager
def connected(cluster: Cluster, *parts: str, workers: int = 1) -> Iterator[Any]:
    """Yield the module `ray`, connected for the length of the block.

    parts: of Ray that the work needs, such as `data`; each has packages of its own.
    workers: that must be at work at once; a cluster may grow, this machine does not.

    Raises:
        UsageError: Ray, or a part, is not installed, or this machine is too small.
        UnavailableError: no such cluster, or of another version.
    """
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    for part in ("", *(f".{part}" for part in parts)):
        try:
            import_module(f"ray{part}")
        except ImportError as error:
            missing = f"--engine ray needs Ray{part and f', and its part ray{part}'}"
            raise UsageError(f"{missing}: {error}", "pip install 'rankzoo[ray]'") from error
    ray = import_module("ray")
    _start(ray, cluster.address)
    try:
        if cluster.address is None:
            _check_room(cluster, workers, ray.cluster_resources())
        yield ray
    finally:
        ray.shutdown()


def _check_room(cluster: Cluster, workers: int, there: Mapping[str, float]) -> None:
    for kind, each in (("CPU", cluster.cpus), ("GPU", cluster.gpus or 0)):
        if workers * each > there.get(kind, 0.0):
            many = f"{workers} x {each:g} {kind}s are asked for"
            hint = f"ask for less, or give the --address of a cluster with more {kind}s"
            raise UsageError(f"{many}, this machine has {there.get(kind, 0.0):g}", hint)


def _start(ray: Any, address: str | None) -> None:
    """Connect; Ray gives its own processes 30 s to start, too few on a busy machine: try again."""
    _knock(address)
    tries = STARTS if address is None else 1
    for attempt in range(1, tries + 1):
        try:
            quiet = {"logging_level": "ERROR", "log_to_driver": False}
            # with None it would join what `ray start` has begun here, or look for what it left
            ray.init(address=address or "local", include_dashboard=False, **quiet)
            return
        except Exception as error:  # Ray raises a bare Exception when its processes do not start
            ray.shutdown()
            if attempt == tries:
                where = f"--address {address}" if address else "a local cluster"
                raise _refused(where, _reason(error)) from error


def _knock(address: str | None) -> None:
    """Refuse an address where nobody listens, or not Ray: it would be tried for minutes.

    Raises:
        UsageError: it is one of Ray's client. UnavailableError: nobody there speaks gRPC.
    """
    if address and "://" in address:
        hint = "give HOST:PORT, as `ray start --head` tells it"
        raise UsageError(f"--address {address}: work goes to a cluster itself, no client", hint)
    host, _, port = (address or "").rpartition(":")
    if not (host and port.isdecimal()):
        return
    try:
        with socket.create_connection((host, int(port)), KNOCK_S) as door:
            speaks = os.environ.get("RAY_USE_TLS") == "1" or _says_settings(door)
    except (OSError, OverflowError) as error:
        raise UnavailableError(f"Ray: no cluster at --address {address}: {error}", HINT) from error
    if not speaks:
        raise UnavailableError(f"Ray: what answers at --address {address} is no cluster", HINT)


def _says_settings(door: socket.socket) -> bool:
    """Whether who is there greets as gRPC does."""
    door.settimeout(HELLO_S)
    door.sendall(HELLO)
    said = b""
    while len(said) < 4 and (more := door.recv(4 - len(said))):
        said += more
    return len(said) == 4 and said[3] == SETTINGS


def _refused(where: str, why: str) -> UnavailableError:
    """Return what a person is told when Ray does not come about, in Ray's own words."""
    if "uthenticat" in why or "AuthToken" in why:
        return UnavailableError(f"Ray: {where} wants another token than it was shown", TOKEN)
    hint = VERSIONS if "Version mismatch" in why else HINT
    return UnavailableError(f"Ray: {where} cannot be reached: {why[:300]}", hint)


def _reason(error: BaseException) -> str:
    """Return what began a chain of errors, on one line: Ray's last one says only that it failed."""
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__ or error
    return " ".join(str(error).split()) or type(error).__name__
