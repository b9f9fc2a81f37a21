"""A Ray cluster: how to reach one, what its machines must have, and work mapped over its actors."""

import logging
import os
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from zoo import __version__
from zoo.errors import (
    DataError,
    IntegrityError,
    RankzooError,
    UnavailableError,
    UsageError,
)

STARTS = 3
KNOCK_S = 5.0  # seconds until nobody opens
RETRIES = 5  # work that kills its worker six times is not unlucky
HINT = "ray start --head starts one; without --address one is started here"
KINDS = {kind.code: kind for kind in (UsageError, DataError, UnavailableError, IntegrityError)}


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


@contextmanager
def connected(cluster: Cluster) -> Iterator[Any]:
    """Yield the module `ray`, connected for the length of the block.

    Raises:
        UsageError: Ray is not installed. UnavailableError: no such cluster, or of another version.
    """
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # its C++ writes to our stderr
    try:
        import ray
    except ImportError as error:
        raise UsageError("--engine ray needs Ray", "pip install 'rankzoo[ray]'") from error
    _start(ray, cluster.address)
    try:
        yield ray
    finally:
        ray.shutdown()


def _start(ray: Any, address: str | None) -> None:
    """Connect; Ray gives its own processes 30 s to start, too few on a busy machine: try again."""
    _knock(address)
    tries = STARTS if address is None else 1
    for attempt in range(1, tries + 1):
        try:
            quiet = {"logging_level": "ERROR", "log_to_driver": False}
            ray.init(address=address, include_dashboard=False, **quiet)
            return
        except Exception as error:  # Ray raises a bare Exception when its processes do not start
            ray.shutdown()
            if attempt == tries:
                where = f"--address {address}" if address else "a local cluster"
                raise UnavailableError(
                    f"Ray: {where} cannot be reached: {_reason(error)}", HINT
                ) from error


def _knock(address: str | None) -> None:
    """Refuse an address where nobody listens: Ray would try for seven minutes."""
    host, _, port = (address or "").rpartition(":")
    if "/" in host or not (host and port.isdecimal()):
        return
    try:
        socket.create_connection((host, int(port)), KNOCK_S).close()
    except (OSError, OverflowError) as error:
        raise UnavailableError(f"Ray: no cluster at --address {address}: {error}", HINT) from error


def _reason(error: BaseException) -> str:
    """Return what began a chain of errors, on one line: Ray's last one says only that it failed."""
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__ or error
    return " ".join(str(error).split())[:300] or type(error).__name__


def mapped(
    rows: list[dict[str, Any]],
    actor: Callable[..., Any],
    arguments: tuple[Any, ...],
    cluster: Cluster,
) -> Iterator[dict[str, Any]]:
    """Yield `actor(*arguments)(row)` for every row, as they are done, on Ray Data.

    A pool of actors that grows to what the cluster has; an actor that dies is started again, and
    its row done again, five times. The caller is connected.

    actor: a class; made once an actor, called with a row, returns plain values.

    Raises:
        RankzooError: what the actor raised, of its own kind; or the actors die again and again.
    """
    import ray.data
    from ray.exceptions import RayError

    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    found = ray.data.from_items(rows, override_num_blocks=len(rows)).map(
        Guarded,
        fn_constructor_args=(actor, arguments, __version__),
        compute=ray.data.ActorPoolStrategy(min_size=1, max_size=len(rows)),
        num_cpus=cluster.cpus,
        num_gpus=cluster.gpus or None,
        ray_remote_args_fn=lambda: {"max_restarts": RETRIES, "max_task_retries": RETRIES},
    )
    try:
        for row in found.iter_rows():
            yield unguarded(row)
    except RayError as error:
        why = str(error).strip().splitlines()[-1]
        hint = "its log is in /tmp/ray/session_latest/logs; the same command goes on from there"
        raise RankzooError(f"Ray: a worker died {RETRIES + 1} times: {why}", hint) from error


class Guarded:
    """An actor whose errors for persons come back as rows: Ray would send a traceback.

    version: of the rankzoo that asks; a worker that has another would make other vectors.
    """

    def __init__(self, actor: Callable[..., Any], arguments: tuple[Any, ...], version: str) -> None:
        self.problem: RankzooError | None = None
        try:
            if version != __version__:
                found = f"a worker has rankzoo {__version__}, this is {version}"
                raise UnavailableError(found, "install one version on every machine")
            self.actor = actor(*arguments)
        except RankzooError as error:
            self.problem = error

    def __call__(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Return what the actor makes of a row, or the error."""
        if self.problem is not None:
            return guarded(self.problem)
        try:
            return {"problem": "", **self.actor(row)}
        except RankzooError as error:
            return guarded(error)


def guarded(error: RankzooError) -> dict[str, Any]:
    """Return an error as a row."""
    return {"problem": str(error), "code": error.code, "hint": error.hint}


def unguarded(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row, or raise the error it is.

    Raises:
        RankzooError: of the kind it was.
    """
    if row["problem"]:
        raise KINDS.get(row["code"], RankzooError)(row["problem"], row["hint"])
    return {name: value for name, value in row.items() if name != "problem"}
