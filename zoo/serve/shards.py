"""An index over a Ray Serve cluster: its segments are searched by shards, each with replicas.

The router, which is this process, keeps what is known of the items, the filters and the tombstones;
vectors and codes lie in the shards' memory alone. It asks all shards at once and merges as one
process does (`Reader._search`): scores, ids and order are the same. A segment never changes and is
verified and opened when it is first asked for, so a new generation needs no new shard.
"""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool

from zoo.cluster import refuse_other_version
from zoo.embedding.vector_file import VECTORS
from zoo.errors import IntegrityError, UnavailableError
from zoo.files import Facts
from zoo.index import engine
from zoo.index.generations import SEGMENTS, check_some
from zoo.index.layout import Plan
from zoo.index.manifest import SegmentFacts
from zoo.index.reader import Reader
from zoo.index.segment import CODES, Searcher, Segment, nothing
from zoo.memory import held, mapped

KEPT = 64  # segments that a replica keeps open, of generations past too
AWAY_S = 0.2  # what a shard that stayed away last time is waited for
AWAY = float("inf")
LOG = logging.getLogger("rankzoo")


@dataclass(frozen=True)
class Asked:
    """A search of one segment; `bits` are its candidates, packed, or None for all.

    folder: of the index. files: what the shard is to find there, and nothing else.
    """

    folder: Path
    name: str
    count: int
    files: tuple[tuple[str, Facts], ...]
    kind: str
    queries: engine.Queries
    k: int
    plan: Plan
    bits: Any = None


class Shard:
    """A replica: it opens segments when they are first asked for, and searches them."""

    def __init__(self, threads: int, version: str) -> None:
        refuse_other_version(version)
        engine.set_threads(threads)
        self.opened = lru_cache(KEPT)(_opened)

    def search(self, asked: Asked) -> engine.Found:
        """Return scores and rows of the best candidates.

        Raises:
            IntegrityError: the segment is not here, or is another one.
        """
        place = (asked.folder, asked.name, asked.files)
        searcher = self.opened(*place, asked.count, asked.queries.shape[1], asked.kind)
        return searcher.search(asked.queries, asked.k, asked.plan, unpacked(asked))

    def held(self) -> tuple[int, int]:
        """Return the bytes this process holds, and how many of them are pages of mapped files."""
        return held() or 0, mapped() or 0


def _opened(
    folder: Path, name: str, files: tuple[tuple[str, Facts], ...], count: int, dim: int, kind: str
) -> Searcher:
    check_some(folder, dict(files))
    return Searcher(folder / SEGMENTS / name, count, dim, kind)


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
                self.folder.absolute(),
                segment.facts.name,
                segment.facts.count,
                _searched(segment.facts),
                self.plan.kind,
                queries,
                k,
                plan,
                None if mask.all() else np.packbits(mask),
            )
            for segment, mask in zip(self.segments, allowed, strict=True)
        ]
        self._look_again()
        began = time.monotonic()
        waiting = [self._send(number, each) for number, each in enumerate(asked)]
        found = [
            self._wait(number, each, response, began)
            for number, (each, response) in enumerate(zip(asked, waiting, strict=True))
        ]
        missed = {self._shard_of(number) for number, each in enumerate(found) if each is None}
        for shard in {self._shard_of(number) for number in range(len(asked))} - missed:
            self._away.pop(shard, None)
            self._refused.pop(shard, None)
        self._away.update(dict.fromkeys(missed, AWAY))
        return [nothing(len(queries)) if each is None else each for each in found]

    def try_shards(self) -> None:
        """Let the shards open their segments.

        Raises:
            UnavailableError: one cannot, as it finds none or others on its machine.
        """
        query = np.zeros((1, self.manifest.dim), np.float32)
        self._ask(query, 1, self.plan, self.candidates())
        for shard, why in sorted(self._refused.items()):
            hint = "all machines must see the index under the same path"
            raise UnavailableError(f"shard {shard} cannot search {self.folder}: {why}", hint)

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

    @property
    def _refused(self) -> dict[int, str]:
        """Why a shard cannot search this generation."""
        refused: dict[int, str] = self.__dict__.setdefault("_refusals", {})
        return refused

    @property
    def _late(self) -> dict[int, Any]:
        """An answer of each shard that is still waited for, aside: its coming ends the absence."""
        late: dict[int, Any] = self.__dict__.setdefault("_responses", {})
        return late

    def _shard_of(self, number: int) -> int:
        return number % len(self.handles)

    def _send(self, number: int, asked: Asked) -> Any:
        return self.handles[self._shard_of(number)].search.remote(asked)

    def _look_again(self) -> None:
        """Give shards their time again whose answers came late."""
        for shard, response in list(self._late.items()):
            try:
                response.result(timeout_s=0)
                self._away.pop(shard, None)
            except TimeoutError:
                continue
            except Exception as error:  # it died, or says why it cannot: it is asked anew
                LOG.debug("shard %d: %s", shard, error)
            del self._late[shard]

    def _wait(self, number: int, asked: Asked, response: Any, began: float) -> engine.Found | None:
        """Return what a shard finds in a segment; nothing where it does not answer in time."""
        shard = self._shard_of(number)
        end = began + (AWAY_S if shard in self._away else self.seconds)
        while True:
            try:
                left = max(0.0, end - time.monotonic())
                found: engine.Found = response.result(timeout_s=left)
                return found
            except TimeoutError:
                if self._late.setdefault(shard, response) is not response:
                    response.cancel()
            except Exception as error:  # Ray has a dozen for a replica that died
                if why := _refusal(error):
                    self._refused[shard] = why
                    LOG.warning("shard %d cannot search: %s", shard, why)
                elif not _died(error):
                    raise
                elif time.monotonic() < end:
                    response = self._send(number, asked)
                    continue
            return None


def _searched(facts: SegmentFacts) -> tuple[tuple[str, Facts], ...]:
    """Return what a shard reads of a segment: its rows stay with the router."""
    return tuple(pair for pair in facts.files.items() if pair[0].endswith((VECTORS, CODES)))


def _refusal(error: BaseException) -> str:
    """Return why a shard found no segment, or not the one that was meant; else nothing."""
    cause = getattr(error, "cause", None)
    return str(cause) if isinstance(cause, (IntegrityError, OSError)) else ""


def _died(error: BaseException) -> bool:
    from ray.exceptions import RayError, RayTaskError

    return isinstance(error, RayError) and not isinstance(error, RayTaskError)
