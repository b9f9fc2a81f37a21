"""Everything an answer is made from: indexes, worker, caches, detector."""

import asyncio
import hashlib
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from cachetools import LRUCache
from jaxtyping import Float
from torch import Tensor

from zoo.search.search import Answer, Copy
from zoo.serve.answers import Asked, Found, Page, Query, Ranked, Wanted, ballots
from zoo.serve.conditions import Conditions
from zoo.serve.detector import Detector
from zoo.serve.library import Library
from zoo.serve.metrics import Metrics
from zoo.serve.pictures import SIZES, received, shrunk
from zoo.serve.refusal import RefusedError
from zoo.serve.served import Served
from zoo.serve.settings import Settings
from zoo.serve.snapshot import Filtered, Question, Snapshot
from zoo.serve.worker import Worker

THREADS = 4  # that decode pictures; each holds one decoded image
REMEMBERED = 1_000  # pictures asked with, so that pages and links need not send them again
R = TypeVar("R")


@dataclass(frozen=True)
class Asking:
    """A query as a vector; `copy` is the item it was made from, by id, or by its content."""

    query: Query
    vector: Float[Tensor, " dim"]
    copy: Copy = None


class Service:
    """What the routes share."""

    def __init__(
        self, library: Library, settings: Settings, detector: Detector | None = None
    ) -> None:
        self.library = library
        self.settings = settings
        self.limits = settings.limits
        self.detector = detector
        self.metrics = Metrics()
        limits = self.limits
        self.worker = Worker(limits.batch, limits.waiting, self.metrics.batch.observe)
        self._closed = False
        self.conditions = Conditions(limits.waiting)
        # The caches belong to the event loop's thread; no other touches them.
        self.thumbnails: LRUCache[tuple[Any, ...], bytes] = LRUCache(limits.cache_bytes, len)
        self.vectors: LRUCache[tuple[str, str], Tensor] = LRUCache(REMEMBERED)
        self.asked_with: LRUCache[str, bytes] = LRUCache(REMEMBERED)
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="rankzoo-aside")

    async def aside(self, function: Callable[..., R], *arguments: Any) -> R:
        """Run a function in one of a few threads."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, function, *arguments)

    async def filtered(self, snapshot: Snapshot, page: Page) -> Filtered:
        """Return the items of a snapshot that fulfil a request's condition.

        Raises:
            RefusedError: the condition is too long, or cannot be.
        """
        if len(page.where) > self.limits.where:
            raise RefusedError(400, f"the condition is longer than {self.limits.where} characters")
        where = page.where.strip() or None
        known = snapshot.known(where)
        found = known or await self.conditions.run(lambda stop: snapshot.filtered(where, stop))
        return cast(Filtered, found)

    def close(self) -> None:
        """Interrupt conditions, finish what else runs, and only then close the indexes."""
        if self._closed:
            return
        self._closed = True
        self.conditions.close()
        self.worker.close()
        self._threads.shutdown(cancel_futures=True)
        self.library.close()

    async def picture(self, served: Served, content: bytes) -> Asking:
        """Make a query of an image that was sent, and remember it.

        Raises:
            RefusedError: it is no image, or the model looks at none.
        """
        if not served.encoder.sees:
            raise RefusedError(400, f"the model of {served.name!r} cannot look at pictures")
        key = hashlib.sha256(content).hexdigest()[:32]
        identity = served.encoder.identity.weights_sha256
        vector = self.vectors.get((identity, key))
        if vector is None:
            prepared, small = await self.aside(self._prepare, served, content)
            vector = await self.worker.run(served.encoder.embed_pictures, prepared)
            self.vectors[identity, key] = vector
            self.asked_with[key] = small
        return Asking(Query(kind="picture", picture=key), vector, key)

    async def question(self, served: Served, asked: Asked) -> Asking:
        """Make a query of a text, an item, or an image sent before.

        Raises:
            RefusedError: not exactly one of them, or it cannot be.
        """
        given = [name for name in ("text", "like", "picture") if getattr(asked, name) is not None]
        if len(given) != 1:
            raise RefusedError(400, "give exactly one of text, like and picture")
        if asked.text is not None:
            return await self._text(served, asked.text)
        if asked.like is not None:
            return await self._like(served, asked.like)
        key = asked.picture or ""
        vector = self.vectors.get((served.encoder.identity.weights_sha256, key))
        if vector is None:
            raise RefusedError(404, "the server does not remember that image", "send it again")
        return Asking(Query(kind="picture", picture=key), vector, key)

    async def find(self, served: Served, asking: Asking, wanted: Wanted) -> Found:
        """Search, and return the stretch of hits that is wanted.

        Raises:
            RefusedError: too many are wanted, or the condition cannot be.
        """
        if wanted.k > self.limits.k:
            raise RefusedError(400, f"k={wanted.k} is more than this server's {self.limits.k}")
        started = time.perf_counter()
        options = wanted.options(without_copy=isinstance(asking.copy, int))

        async def work(snapshot: Snapshot) -> tuple[int, Answer]:
            among = await self.filtered(snapshot, wanted)
            question = Question(asking.vector, options, among, asking.copy)
            generation = snapshot.reader.manifest.generation
            return generation, await self.worker.run(snapshot.search, question)

        generation, found = await served.answer(work)
        sent = found.hits[wanted.offset : wanted.offset + wanted.limit]
        return Found(
            index=served.name,
            generation=generation,
            query=asking.query,
            total=len(found.hits),
            offset=wanted.offset,
            hits=[Ranked.of(hit, served.name) for hit in sent],
            votes=ballots(found.votes),
            milliseconds=1_000 * (time.perf_counter() - started),
        )

    def _prepare(self, served: Served, content: bytes) -> tuple[Tensor, bytes]:
        picture = received(content, self.limits.pixels)
        return served.encoder.prepare(picture), shrunk(picture, SIZES[1])

    async def _text(self, served: Served, text: str) -> Asking:
        if not served.encoder.reads:
            raise RefusedError(
                400, f"the model of {served.name!r} cannot read text", "send an image"
            )
        if not text.strip():
            raise RefusedError(400, "the text is empty", "type what to look for")
        if len(text) > self.limits.text:
            raise RefusedError(400, f"the text is longer than {self.limits.text} characters")
        vector = await self.worker.run(served.encoder.embed_texts, text)
        return Asking(Query(kind="text", text=text), vector)

    async def _like(self, served: Served, identifier: int) -> Asking:
        async def work(snapshot: Snapshot) -> Tensor:
            try:
                found = await self.aside(snapshot.reader.vectors_of, [identifier])
            except KeyError as error:
                raise unknown_item(served.name, identifier) from error
            return found[identifier]

        vector = await served.answer(work)
        return Asking(Query(kind="like", like=identifier), vector, copy=identifier)


def unknown_item(index: str, identifier: int) -> RefusedError:
    """Return the refusal of an id that is not there."""
    return RefusedError(404, f"{index} has no item {identifier}", "it may have been removed")
