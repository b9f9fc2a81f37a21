"""Everything an answer is made from: indexes, worker, caches, detector."""

import asyncio
import hashlib
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from cachetools import LRUCache
from torch import Tensor

from zoo.search.search import Answer
from zoo.serve.answers import Asked, Found, Page, Query, Ranked, Wanted, ballots
from zoo.serve.conditions import Conditions
from zoo.serve.detector import Detector
from zoo.serve.library import Library
from zoo.serve.metrics import Metrics
from zoo.serve.pictures import SIZES, received, shrunk
from zoo.serve.refusal import RefusedError
from zoo.serve.served import Served
from zoo.serve.settings import Settings
from zoo.serve.snapshot import Filtered, Part, Question, Snapshot
from zoo.serve.worker import Worker

THREADS = 4  # that decode pictures; each holds one decoded image
PARTS = 16  # of a query at most
REMEMBERED = 1_000  # pictures asked with, so that pages and links need not send them again
R = TypeVar("R")


@dataclass(frozen=True)
class Asking:
    """A query in words, and as the vectors of its parts."""

    query: Query
    parts: Sequence[Part]


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

    async def picture(self, served: Served, content: bytes) -> str:
        """Embed an image that was sent, remember it, and return what it is called.

        Raises:
            RefusedError: it is no image, or the model looks at none.
        """
        if not served.encoder.sees:
            raise RefusedError(400, served.encoder.no_images, "ask in words")
        key = hashlib.sha256(content).hexdigest()[:32]
        identity = served.encoder.identity.weights_sha256
        vector = self.vectors.get((identity, key))
        if vector is None:
            prepared, small = await self.aside(self._prepare, served, content)
            vector = await self.worker.run(served.encoder.embed_pictures, prepared)
            self.vectors[identity, key] = vector
            self.asked_with[key] = small
        return key

    async def question(self, served: Served, asked: Asked) -> Asking:
        """Make a query of a text, of items, of images sent before, or of several of them.

        Raises:
            RefusedError: there is none or too many of them, or one cannot be.
        """
        text = [] if asked.text is None else [asked.text]
        kinds = ["text"] * len(text) + ["like"] * len(asked.like) + ["picture"] * len(asked.picture)
        if not 0 < len(kinds) <= PARTS:
            problem = f"a query has 1 to {PARTS} parts, this one {len(kinds)}"
            raise RefusedError(400, problem, "give text, like or picture")
        parts = [
            *[await self._text(served, each) for each in text],
            *[await self._like(served, each) for each in asked.like],
            *[self._sent(served, each) for each in asked.picture],
        ]
        query = Query(
            kind=kinds[0] if len(kinds) == 1 else "together",
            text=asked.text,
            like=next(iter(asked.like), None),
            picture=next(iter(asked.picture), None),
            likes=asked.like,
            pictures=asked.picture,
        )
        return Asking(query, parts)

    async def find(self, served: Served, asking: Asking, wanted: Wanted) -> Found:
        """Search, and return the stretch of hits that is wanted.

        Raises:
            RefusedError: too many are wanted, or the condition cannot be.
        """
        if wanted.k > self.limits.k:
            raise RefusedError(400, f"k={wanted.k} is more than this server's {self.limits.k}")
        started = time.perf_counter()
        options = wanted.options(without_copy=bool(asking.query.likes))

        async def work(snapshot: Snapshot) -> tuple[int, Answer]:
            among = await self.filtered(snapshot, wanted)
            question = Question(asking.parts, options, among)
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
            missing=list(found.missing),
        )

    def _prepare(self, served: Served, content: bytes) -> tuple[Tensor, bytes]:
        picture = received(content, self.limits.pixels)
        return served.encoder.prepare(picture), shrunk(picture, SIZES[1])

    def _sent(self, served: Served, key: str) -> Part:
        vector = self.vectors.get((served.encoder.identity.weights_sha256, key))
        if vector is None:
            raise RefusedError(404, "the server does not remember that image", "send it again")
        return Part(vector, key)

    async def _text(self, served: Served, text: str) -> Part:
        if not served.encoder.reads:
            raise RefusedError(400, served.encoder.no_text, "send an image")
        if not text.strip():
            raise RefusedError(400, "the text is empty", "type what to look for")
        if len(text) > self.limits.text:
            raise RefusedError(400, f"the text is longer than {self.limits.text} characters")
        vector = await self.worker.run(served.encoder.embed_texts, text)
        return Part(vector, hashlib.sha256(text.encode()).hexdigest())

    async def _like(self, served: Served, identifier: int) -> Part:
        async def work(snapshot: Snapshot) -> Tensor:
            try:
                found = await self.aside(snapshot.reader.vectors_of, [identifier])
            except KeyError as error:
                raise unknown_item(served.name, identifier) from error
            return found[identifier]

        return Part(await served.answer(work), identifier, stored=True)


def unknown_item(index: str, identifier: int) -> RefusedError:
    """Return the refusal of an id that is not there."""
    return RefusedError(404, f"{index} has no item {identifier}", "it may have been removed")
