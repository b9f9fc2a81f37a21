"""Work mapped over a cluster's actors: their errors stay errors for persons."""

import logging
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from zoo import __version__
from zoo.cluster.reach import Cluster, go_to, refuse_other_version
from zoo.errors import (
    DataError,
    IntegrityError,
    RankzooError,
    UnavailableError,
    UsageError,
    is_memory_full,
    memory_full,
)

RETRIES = 5  # work that kills its worker six times is not unlucky
KINDS = {kind.code: kind for kind in (UsageError, DataError, UnavailableError, IntegrityError)}


def mapped(
    rows: list[dict[str, Any]],
    actor: Callable[..., Any],
    arguments: tuple[Any, ...],
    cluster: Cluster,
) -> Iterator[dict[str, Any]]:
    """Yield `actor(*arguments)(row)` for every row, as they are done, on Ray Data.

    As many actors as there is room for are started at once, more if the cluster grows; one that
    dies is started again, and its row done again, five times. The caller is connected.

    actor: a class; made once an actor, called with a row, returns plain values.

    Raises:
        RankzooError: what the actor raised, of its own kind; or the actors die again and again.
    """
    import ray
    import ray.data
    from ray.exceptions import RayError

    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of `ray_remote_args_fn`: nothing else bounds the retries
        found = ray.data.from_items(rows, override_num_blocks=len(rows)).map(
            Guarded,
            fn_constructor_args=(actor, arguments, __version__, str(Path.cwd())),
            # By itself Ray starts one, and more where that one's queue is long: too late, or never.
            compute=ray.data.ActorPoolStrategy(
                min_size=min(len(rows), room_for(cluster, ray.nodes())), max_size=len(rows)
            ),
            num_cpus=cluster.cpus,
            num_gpus=cluster.gpus or None,
            ray_remote_args_fn=lambda: {"max_restarts": RETRIES, "max_task_retries": RETRIES},
        )
    try:
        for row in found.iter_rows():
            yield unguarded(row)
    except RayError as error:
        raise ended(error, "a worker") from error


def room_for(cluster: Cluster, nodes: Sequence[Mapping[str, Any]]) -> int:
    """Return how many workers the living machines have room for; at least one, which waits.

    nodes: as `ray.nodes()` tells of them.
    """
    wants = {kind: n for kind, n in (("CPU", cluster.cpus), ("GPU", cluster.gpus)) if n}
    alive = [node["Resources"] for node in nodes if node["Alive"]]
    near = 1e-6  # a third of two CPUs has room three times
    many = [min(int(has.get(k, 0) / n + near) for k, n in wants.items()) for has in alive]
    return max(1, sum(many))


class Guarded:
    """An actor whose errors for persons come back as rows: Ray would send a traceback.

    version, folder: of the rankzoo that asks; another version would make other vectors.
    """

    def __init__(
        self,
        actor: Callable[..., Any],
        arguments: tuple[Any, ...],
        version: str,
        folder: str = "",
    ) -> None:
        self.problem: RankzooError | None = None
        try:
            refuse_other_version(version)
            go_to(folder)
            self.actor = actor(*arguments)
        except Exception as error:
            self.problem = for_persons(error)

    def __call__(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Return what the actor makes of a row, or the error."""
        if self.problem is not None:
            return guarded(self.problem)
        try:
            return {"problem": "", **self.actor(row)}
        except Exception as error:
            return guarded(for_persons(error))


def for_persons(error: Exception) -> RankzooError:
    """Return what a worker says of an error.

    Raises:
        Exception: the error itself, if nobody foresaw it.
    """
    if isinstance(error, RankzooError):
        return error
    if is_memory_full(error):
        return memory_full("a worker's memory is full")
    raise error


def ended(error: BaseException, who: str, again: str = "the same command") -> RankzooError:
    """Return what a person is told of Ray's error, when it gave up on processes of ours."""
    hint = f"its log is in /tmp/ray/session_latest/logs; {again} goes on from there"
    said = [line.strip() for line in str(error).splitlines() if line.strip()]
    if any("memory usage" in line.lower() or "OutOfMemory" in line for line in said):
        return memory_full(f"Ray ended {who} {RETRIES + 1} times: its machine's memory is full")
    why = said[-1][:300] if said else type(error).__name__
    return RankzooError(f"Ray: {who} died {RETRIES + 1} times: {why}", hint)


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
