"""Starting shards on a Ray Serve cluster, and ending them with the server they are of."""

import logging
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo import __version__
from zoo.cluster import Cluster, connected
from zoo.errors import UnavailableError, UsageError
from zoo.index.reader import Reader
from zoo.serve.shards import Router, Shard

OURS = "rankzoo-"


@dataclass(frozen=True)
class Spread:
    """How many shards, how many replicas of each; seconds: until an answer goes without a shard."""

    cluster: Cluster
    shards: int = 1
    replicas: int = 1
    seconds: int | float = 10


@contextmanager
def spread(how: Spread) -> Iterator[Callable[[Path], Reader]]:
    """Start shards on a cluster; yield what opens an index to be searched by them.

    Raises:
        UsageError: the cluster has fewer CPUs than they take. UnavailableError: see `connected`,
            or a shard does not start, or cannot open the index.
    """
    with connected(how.cluster, "serve") as ray:
        from ray import serve

        logging.getLogger("ray.serve").setLevel(logging.ERROR)
        _check_room(how, ray.cluster_resources())
        serve.start(proxy_location="Disabled")  # this process answers HTTP
        own = f"{OURS}{secrets.token_hex(4)}"
        keeper = ray.remote(num_cpus=0)(Keeper).options(name=own, namespace=OURS).remote()
        ray.get(keeper.__ray_ready__.remote())
        _sweep(ray, serve)
        names = [f"{own}-shard-{number}" for number in range(how.shards)]
        try:
            handles = [_deployed(serve, name, how) for name in names]

            def open_reader(folder: Path) -> Reader:
                router = Router.open(folder)
                router.handles, router.seconds = handles, how.seconds
                router.try_shards()
                return router

            yield open_reader
        finally:
            for name in names:
                serve.delete(name)


class Keeper:
    """An actor that lives as long as the server whose shards begin with its name."""


def _sweep(ray: Any, serve: Any) -> None:
    """Remove the shards of servers that were killed: Ray Serve outlives who asked for them."""
    for name in serve.status().applications:
        if name.startswith(OURS):
            try:
                ray.get_actor(name.rpartition("-shard-")[0], namespace=OURS)
            except ValueError:
                serve.delete(name)


def _deployed(serve: Any, name: str, how: Spread) -> Any:
    threads = max(1, int(how.cluster.cpus))
    deployment = serve.deployment(
        Shard,
        name=name.removeprefix(OURS),
        num_replicas=how.replicas,
        ray_actor_options={"num_cpus": how.cluster.cpus},
        health_check_period_s=2,
        health_check_timeout_s=5,
        logging_config={"log_level": "ERROR"},
    )
    try:
        return serve.run(deployment.bind(threads, __version__), name=name, route_prefix=None)
    except RuntimeError as error:  # of Ray, whatever its replicas said
        said = [line.strip() for line in str(error).splitlines() if "Error: " in line]
        why = (said or [str(error)])[-1][:300]
        raise UnavailableError(f"a shard does not start: {why}") from error


def _check_room(how: Spread, resources: Mapping[str, float]) -> None:
    wanted = how.shards * how.replicas * how.cluster.cpus
    there = resources.get("CPU", 0.0)
    if wanted > there:
        problem = f"{how.shards} shards x {how.replicas} replicas take {wanted:g} CPUs"
        raise UsageError(f"{problem}, the cluster has {there:g}", "give --cpus below 1")
