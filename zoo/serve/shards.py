"""An index over a Ray Serve cluster: its segments are searched by shards, each with replicas.

The router, which is this process, keeps what is known of the items, the filters and the tombstones;
vectors and codes lie in the shards' memory alone. It asks all shards at once and merges as one
process does (`Reader._search`): scores, ids and order are the same. A segment never changes and is
opened when it is first asked for, so a new generation needs no new shard.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool

from zoo.cluster import Cluster, connected
from zoo.errors import UsageError
from zoo.index import engine
from zoo.index.layout import Plan
from zoo.index.reader import Reader
from zoo.index.segment import Searcher, Segment, nothing

KEPT = 64  # segments that a replica keeps open, of generations past too
AWAY_S = 0.2  # what a shard that stayed away last time is waited for
AWAY = float("inf")


@dataclass(frozen=True)
class Spread:
    """How many shards, how many replicas of each; seconds: until an answer goes without a shard."""

    cluster: Cluster
    shards: int = 1
    replicas: int = 1
    seconds: int | float = 10


@dataclass(frozen=True)
class Asked:
    """A search of one segment; `bits` are its candidates, packed, or None for all."""

    home: Path
    count: int
    kind: str
    queries: engine.Queries
    k: int
    plan: Plan
    bits: Any = None


class Shard:
    """A replica: it opens segments when they are first asked for, and searches them."""

    def __init__(self, threads: int) -> None:
        engine.set_threads(threads)
        self.opened = lru_cache(KEPT)(Searcher)

    def search(self, asked: Asked) -> engine.Found:
        """Return scores and rows of the best candidates."""
        searcher = self.opened(asked.home, asked.count, asked.queries.shape[1], asked.kind)
        return searcher.search(asked.queries, asked.k, asked.plan, unpacked(asked))


def unpacked(asked: Asked) -> Bool[np.ndarray, " item"]:
    """Return which items may be found."""
    if asked.bits is None:
        return np.ones(asked.count, bool)
    return np.unpackbits(asked.bits, count=asked.count).astype(bool)


class Elsewhere(Segment):
    """A segment whose vectors and codes are searched in another process."""

    searches = False


class Router(Reader):
    """One generation of an index whose segments are searched by shards.

    handles: ask the replicas of a shard. seconds: until an answer goes without one.
    """

    segment_type = Elsewhere
    handles: Sequence[Any] = ()
    seconds: int | float = 10

    def _ask(
        self, queries: engine.Queries, k: int, plan: Plan, allowed: Sequence[Any]
    ) -> list[engine.Found]:
        """Ask all shards at once; a replica that dies meanwhile gives way to another one."""
        asked = [
            Asked(
                segment.home.absolute(),
                segment.facts.count,
                self.plan.kind,
                queries,
                k,
                plan,
                None if mask.all() else np.packbits(mask),
            )
            for segment, mask in zip(self.segments, allowed, strict=True)
        ]
        began = time.monotonic()
        waiting = [self._send(number, each) for number, each in enumerate(asked)]
        return [
            self._wait(number, each, response, began)
            for number, (each, response) in enumerate(zip(asked, waiting, strict=True))
        ]

    def absent(self) -> tuple[str, ...]:
        """Return which shards gave no answer since this was asked last."""
        found = tuple(f"shard {n}" for n, since in sorted(self._away.items()) if since == AWAY)
        self._away.update({n: time.monotonic() for n, since in self._away.items() if since == AWAY})
        return found

    @property
    def _away(self) -> dict[int, float]:
        """When each shard that gave no answer was missed; infinity: nobody was told yet."""
        missed: dict[int, float] = self.__dict__.setdefault("_missed", {})
        return missed

    def _send(self, number: int, asked: Asked) -> Any:
        return self.handles[number % len(self.handles)].search.remote(asked)

    def _wait(self, number: int, asked: Asked, response: Any, began: float) -> engine.Found:
        shard = number % len(self.handles)
        end = began + (AWAY_S if shard in self._away else self.seconds)
        while True:
            try:
                left = max(0.0, end - time.monotonic())
                found: engine.Found = response.result(timeout_s=left)
                self._away.pop(shard, None)
                return found
            except TimeoutError:
                response.cancel()
            except Exception as error:  # Ray has a dozen for a replica that died
                if not _died(error):
                    raise
                if time.monotonic() < end:
                    response = self._send(number, asked)
                    continue
            self._away[shard] = AWAY
            return nothing(len(asked.queries))


def _died(error: BaseException) -> bool:
    from ray.exceptions import RayError, RayTaskError

    return isinstance(error, RayError) and not isinstance(error, RayTaskError)


@contextmanager
def spread(how: Spread) -> Iterator[Callable[[Path], Reader]]:
    """Start shards on a cluster; yield what opens an index to be searched by them.

    Raises:
        UsageError: the cluster has fewer CPUs than they take. UnavailableError: see `connected`.
    """
    with connected(how.cluster) as ray:
        from ray import serve

        _check_room(how, ray.cluster_resources())
        serve.start(proxy_location="Disabled")  # this process answers HTTP
        names = [f"rankzoo-shard-{number}" for number in range(how.shards)]
        try:
            handles = [_deployed(serve, name, how) for name in names]

            def open_reader(folder: Path) -> Reader:
                router = Router.open(folder)
                router.handles, router.seconds = handles, how.seconds
                return router

            yield open_reader
        finally:
            for name in names:
                serve.delete(name)


def _deployed(serve: Any, name: str, how: Spread) -> Any:
    threads = max(1, int(how.cluster.cpus))
    deployment = serve.deployment(
        Shard,
        name=name,
        num_replicas=how.replicas,
        ray_actor_options={"num_cpus": how.cluster.cpus},
        health_check_period_s=2,
        health_check_timeout_s=5,
        logging_config={"log_level": "ERROR"},
    )
    return serve.run(deployment.bind(threads), name=name, route_prefix=None)


def _check_room(how: Spread, resources: Mapping[str, float]) -> None:
    wanted = how.shards * how.replicas * how.cluster.cpus
    there = resources.get("CPU", 0.0)
    if wanted > there:
        problem = f"{how.shards} shards x {how.replicas} replicas take {wanted:g} CPUs"
        raise UsageError(f"{problem}, the cluster has {there:g}", "give --cpus below 1")
