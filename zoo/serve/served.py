"""An index under its name: always its newest generation, changed under running requests."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from zoo.embedding.identity import refuse_other_model
from zoo.errors import RankzooError
from zoo.index.generations import POINTER
from zoo.index.manifest import Manifest
from zoo.index.reader import Reader
from zoo.serve.encoder import Encoder
from zoo.serve.refusal import RefusedError
from zoo.serve.snapshot import Snapshot

TRIES = 5
AGAIN_S = 5.0  # between two looks at a generation that could not be taken: it may be mended
R = TypeVar("R")
Stamp = tuple[int, int, int]
log = logging.getLogger("rankzoo")


class Served:
    """A served index; everything but opening files happens on the event loop's thread.

    A generation that cannot be taken changes nothing: the last good one is served on, `problem`
    says so, and the folder is looked at again until it can be taken.

    encoder: makes its queries. open_reader: opens a generation.
    reloads: how many generations were taken since the start.
    problem: why the newest generation could not be taken, or empty.
    """

    def __init__(
        self,
        name: str,
        folder: Path,
        encoder: Encoder,
        open_reader: Callable[[Path], Reader] = Reader.open,
    ) -> None:
        self.name = name
        self._open_reader = open_reader
        self.folder = folder
        self.encoder = encoder
        self.problem = ""
        self.reloads = 0
        self._stamp: Stamp | None = _stamp(folder)
        self._looked = time.monotonic()
        self._snapshot = Snapshot(self._open())
        self._reloading = asyncio.Lock()

    @property
    def manifest(self) -> Manifest:
        """The manifest of the newest generation."""
        return self._snapshot.reader.manifest

    @property
    def root(self) -> Path:
        """The folder that the items' relative paths start from."""
        return self._snapshot.reader.root

    @property
    def told_problem(self) -> str:
        """The problem as anybody may know it: with the index's name in place of its folder."""
        return f"{self.name}: " + self.problem.replace(f"{self.folder}/", "").replace(
            f"{self.folder}", "it"
        )

    @contextmanager
    def hold(self) -> Iterator[Snapshot]:
        """Keep the newest generation open for the length of the block.

        Raises:
            RefusedError: the index is gone.
        """
        if _stamp(self.folder) is None:
            raise RefusedError(
                503,
                f"the index {self.name!r} was removed while it was served",
                "put it back, or build it again in the same place",
            )
        snapshot = self._snapshot
        snapshot.holders += 1
        try:
            yield snapshot
        finally:
            snapshot.release()

    async def answer(self, work: Callable[[Snapshot], Awaitable[R]]) -> R:
        """Return what `work` makes of the newest generation.

        A filter opens the metadata by name, which a writer may just have swept away: what fails
        while a new generation appears is tried again on that one.

        Raises:
            RefusedError: the index is gone. RankzooError: the work fails on the newest generation.
        """
        for _ in range(TRIES):
            with self.hold() as snapshot:
                try:
                    return await work(snapshot)
                except (RankzooError, OSError):
                    await self.refresh()
                    if self._snapshot is snapshot and _stamp(self.folder) is not None:
                        raise
        raise RefusedError(503, f"the index {self.name!r} changes too quickly", retry_after=1)

    async def refresh(self) -> None:
        """Take a newer generation if there is one; keep the old one if it cannot be used."""
        async with self._reloading:
            stamp = _stamp(self.folder)
            if stamp is None:
                self._stamp = None  # should it come back, it is opened again
                self._note(f"{self.folder} is gone")
                return
            waits = not self.problem or time.monotonic() < self._looked + AGAIN_S
            if stamp == self._stamp and waits:
                return
            self._stamp = stamp
            self._looked = time.monotonic()
            try:
                reader = await asyncio.to_thread(self._open)
            except Exception as error:  # whatever is wrong with it, the last good one is served on
                self._note(str(error) or type(error).__name__)
                return
            self._snapshot.release()
            self._snapshot = Snapshot(reader)
            self.problem = ""
            self.reloads += 1
            log.info("%s: serving generation %d", self.name, reader.manifest.generation)

    def close(self) -> None:
        """Close the files once nobody uses them."""
        self._snapshot.release()

    def _open(self) -> Reader:
        reader = self._open_reader(self.folder)
        try:
            refuse_other_model(reader.manifest.model, self.encoder.identity)
        except RankzooError:
            reader.close()
            raise
        return reader

    def _note(self, problem: str) -> None:
        if problem != self.problem:
            log.warning("%s: %s", self.name, problem)
        self.problem = problem


def _stamp(folder: Path) -> Stamp | None:
    """What changes when a generation is published; None when there is no folder any more."""
    try:
        found = (folder / POINTER).stat()
    except OSError:
        return (0, 0, 0) if folder.is_dir() else None
    return found.st_ino, found.st_mtime_ns, found.st_size
