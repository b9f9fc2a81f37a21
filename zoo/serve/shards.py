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
from jaxtyping import Bool, UInt8

from zoo.cluster import refuse_other_version
from zoo.device import memory_held, memory_mapped
from zoo.embedding.vector_file import VECTORS
from zoo.errors import IntegrityError, UnavailableError
from zoo.files import Facts
from zoo.index import engine
from zoo.index.generations import SEGMENTS, check_some
from zoo.index.layout import Plan
from zoo.index.manifest import SegmentFacts
from zoo.index.reader import Reader
from zoo.index.segment import CODES, Searcher, Segment, nothing

KEPT = 64  # segments that a replica keeps open, of generations past too
AWAY_S = 0.2  # what a shard that stayed away last time is waited for
AWAY = float("inf")
LOG = logging.getLogger("rankzoo")


@dataclass(frozen=True)
class Part:
    """A segment to be searched; `bits` are its candidates, packed, or None for all.

    files: what the shard is to find there, and nothing else.
    """

    name: str
    count: int
    files: tuple[tuple[str, Facts], ...]
    bits: UInt8[np.ndarray, " byte"] | None = None


@dataclass(frozen=True)
class Asked:
    """A search of a shard's segments of the index in `folder`."""

    folder: Path
    kind: str
    queries: engine.Queries
    k: int
    plan: Plan
    parts: tuple[Part, ...]


class Shard:
    """A replica: it opens segments when they are first asked for, and searches them."""

    def __init__(self, threads: int, version: str) -> None:
        refuse_other_version(version)
        engine.set_threads(threads)
        self.opened = lru_cache(KEPT)(_opened)

    def search(self, asked: Asked) -> list[engine.Found | str]:
        """Return scores and rows of the best candidates of each segment, or why there are none."""
        return [self._answer(part, asked) for part in asked.parts]

    def _answer(self, part: Part, asked: Asked) -> engine.Found | str:
        place, dim = (asked.folder, part.name, part.files), asked.queries.shape[1]
        try:
            searcher = self.opened(*place, part.count, dim, asked.kind)
        except (IntegrityError, OSError) as error:  # the segment is not here, or is another one
            return str(error)
        return searcher.search(asked.queries, asked.k, asked.plan, unpacked(part))

    def held(self) -> tuple[int, int]:
        """Return the bytes this process holds, and how many of them are pages of mapped files."""
        return memory_held() or 0, memory_mapped() or 0


def _opened(
    folder: Path, name: str, files: tuple[tuple[str, Facts], ...], count: int, dim: int, kind: str
) -> Searcher:
    check_some(folder, dict(files))
    return Searcher(folder / SEGMENTS / name, count, dim, kind)


def packed(mask: Bool[np.ndarray, " item"] | None) -> UInt8[np.ndarray, " byte"] | None:
    """Return which items may be found, eight a byte; None for all."""
    return None if mask is None else np.packbits(mask)


def unpacked(part: Part) -> Bool[np.ndarray, " item"] | None:
    """Return which items may be found; None for all."""
    if part.bits is None:
        return None
    return np.unpackbits(part.bits, count=part.count).astype(bool)


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
        """Ask each shard once, all at once; a replica that dies meanwhile gives way to another."""
        parts = [
            Part(s.facts.name, s.facts.count, _searched(s.facts), packed(s.narrowed(mask)))
            for s, mask in zip(self.segments, allowed, strict=True)
        ]
        shards = range(min(len(self.handles), len(parts)))
        folder, kind = self.folder.absolute(), self.plan.kind
        asked = [
            Asked(folder, kind, queries, k, plan, tuple(parts[n :: len(self.handles)]))
            for n in shards
        ]
        self._look_again()
        began = time.monotonic()
        waiting = [self._send(shard, asked[shard]) for shard in shards]
        found = [nothing(len(queries)) for _ in parts]
        for shard in shards:
            answers = self._wait(shard, asked[shard], waiting[shard], began)
            refused = self._taken(found, shard, answers or [])
            if answers is None or refused:
                self._away[shard] = AWAY
            else:
                self._away.pop(shard, None)
                self._refused.pop(shard, None)
        return found

    def _taken(self, found: list[Any], shard: int, answers: Sequence[Any]) -> bool:
        """Put a shard's answers where its segments are; return whether it refused one."""
        for place, answer in enumerate(answers):
            if isinstance(answer, str):
                self._refused[shard] = answer
                LOG.warning("shard %d cannot search: %s", shard, answer)
            else:
                found[shard + place * len(self.handles)] = answer
        return any(isinstance(answer, str) for answer in answers)

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

    def _send(self, shard: int, asked: Asked) -> Any:
        return self.handles[shard].search.remote(asked)

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

    def _wait(
        self, shard: int, asked: Asked, response: Any, began: float
    ) -> list[engine.Found | str] | None:
        """Return what a shard finds in its segments; nothing where it does not answer in time."""
        end = began + (AWAY_S if shard in self._away else self.seconds)
        while True:
            try:
                left = max(0.0, end - time.monotonic())
                found: list[engine.Found | str] = response.result(timeout_s=left)
                return found
            except TimeoutError:
                if self._late.setdefault(shard, response) is not response:
                    response.cancel()
            except Exception as error:  # Ray has a dozen for a replica that died
                if not _died(error):
                    raise
                if time.monotonic() < end:
                    response = self._send(shard, asked)
                    continue
            return None


def _searched(facts: SegmentFacts) -> tuple[tuple[str, Facts], ...]:
    """Return what a shard reads of a segment: its rows stay with the router."""
    return tuple(pair for pair in facts.files.items() if pair[0].endswith((VECTORS, CODES)))


def _died(error: BaseException) -> bool:
    from ray.exceptions import RayError, RayTaskError

    return isinstance(error, RayError) and not isinstance(error, RayTaskError)
