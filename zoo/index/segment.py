"""A segment: vectors added together, their codes and their rows, in a folder that never changes."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float32

from zoo.embedding.rows import FIXED, ITEMS, NUMBERS, Records, Rows, write_rows
from zoo.embedding.vector_file import VECTORS, map_vectors, write_vectors
from zoo.errors import IntegrityError
from zoo.files import Facts, atomic_path, staged_folder
from zoo.index import engine
from zoo.index.generations import SEGMENTS
from zoo.index.layout import Plan
from zoo.index.manifest import Manifest, SegmentFacts
from zoo.index.where import Filter, Kinds, Stop, go_on

CODES = "codes.faiss"
SEARCH_EXACTLY = 4_096  # so few candidates are compared one by one: exact, and sooner than codes

Vectors = Float32[np.ndarray, "item dim"]
Piece = Float32[np.ndarray, "_ dim"]
Fill = Callable[[Vectors, Path], None]


def write_segment(
    home: Path,
    vectors: Iterable[Piece],
    records: Records,
    manifest: Manifest,
    codes: Fill,
) -> SegmentFacts:
    """Write `home`, among the segments of an index, in one rename and return what it holds.

    vectors: pieces of the matrix, in the order of `records`.
    codes: writes the approximate index of the whole matrix; not asked for a Flat index.
    """
    with staged_folder(home) as staged:
        count = write_vectors(staged / VECTORS, vectors, len(records), manifest.dim)
        assert count == len(records), "one vector a record"
        write_rows(staged / ITEMS, records)
        if manifest.plan.kind != "Flat":
            codes(map_vectors(staged / VECTORS, count, manifest.dim), staged / CODES)
    files = {
        f"{SEGMENTS}/{home.name}/{path.name}": Facts.of(path) for path in sorted(home.iterdir())
    }
    return SegmentFacts(home.name, count, files)


def write_removed(
    folder: Path, facts: SegmentFacts, alive: Bool[np.ndarray, " item"], generation: int
) -> SegmentFacts:
    """Write a new tombstone bitmap for a segment and return its new facts."""
    name = f"{SEGMENTS}/{facts.name}-removed-{generation:06d}"
    with atomic_path(folder / name) as temporary:
        temporary.write_bytes(np.packbits(~alive, bitorder="little").tobytes())
    files = {key: value for key, value in facts.files.items() if key != facts.removed}
    files[name] = Facts.of(folder / name)
    return replace(facts, files=files, removed=name, removed_count=int((~alive).sum()))


class Searcher:
    """What a search looks at: a segment's vectors and codes, memory-mapped.

    Raises:
        IntegrityError: vectors and codes do not agree.
    """

    def __init__(self, home: Path, count: int, dim: int, kind: str) -> None:
        self.vectors = map_vectors(home / VECTORS, count, dim)
        self.flat = engine.open_flat(home / VECTORS, count, dim)
        coded = kind != "Flat"
        self.codes = engine.open_coded(home / CODES, kind, self.flat) if coded else self.flat

    def search(
        self,
        queries: engine.Queries,
        k: int,
        plan: Plan,
        candidates: Bool[np.ndarray, " item"] | None = None,
    ) -> engine.Found:
        """Return scores and rows of the best `k` candidates; row -1 where there are fewer.

        candidates: None for all: then nothing takes time by the number of items.
        """
        count = len(self.vectors) if candidates is None else int(np.count_nonzero(candidates))
        if count == 0:
            return nothing(len(queries))
        k = min(k, count)
        if candidates is None or count == len(self.vectors):
            return engine.search(self.codes, self.flat, plan, queries, k)
        if count <= SEARCH_EXACTLY:
            rows = np.flatnonzero(candidates)
            scores, found = engine.exact(self.vectors[rows], queries, k)
            return scores, rows[found]
        return engine.search(self.codes, self.flat, plan, queries, k, candidates)


def nothing(queries: int) -> engine.Found:
    """Return what is found where there is nothing."""
    return np.empty((queries, 0), np.float32), np.empty((queries, 0), np.int64)


class Segment:
    """A segment opened for reading, memory-mapped; its files were verified by the caller.

    Raises:
        IntegrityError: rows, vectors, codes and manifest do not agree.
    """

    searches = True  # whether its vectors and codes are searched in this process

    def __init__(self, folder: Path, facts: SegmentFacts, manifest: Manifest) -> None:
        self.facts = facts
        home = folder / SEGMENTS / facts.name
        self.home = home
        self.vectors = map_vectors(home / VECTORS, facts.count, manifest.dim)
        self.rows = Rows(home / ITEMS, manifest.levels)
        self._filter = Filter(home / ITEMS, (*FIXED, *manifest.levels, *manifest.columns))
        if len(self.rows) != facts.count:
            raise IntegrityError(f"{home / ITEMS} has {len(self.rows)} rows, not {facts.count}")
        self.alive = _alive(folder, facts)
        if self.searches:
            self.searcher = Searcher(home, facts.count, manifest.dim, manifest.plan.kind)

    def narrowed(self, mask: Bool[np.ndarray, " item"]) -> Bool[np.ndarray, " item"] | None:
        """Return the mask, or None where it is known, without a look, that it keeps all."""
        return None if mask is self.alive and not self.facts.removed else mask

    def use_kinds(self, kinds: Kinds) -> None:
        """Take columns for numbers or truths, and the others for text, as all of the index does."""
        self.rows.numbers = frozenset(n for n in self.rows.columns if NUMBERS in kinds[n])
        self._filter.use_kinds(kinds)

    def ids(self) -> list[int]:
        """Ids of its living items, in row order."""
        found = self.rows.fetch("SELECT id FROM items ORDER BY row")
        if broken := next((i for (i,) in found if not isinstance(i, int)), None):
            raise IntegrityError(f"{self.home / ITEMS} holds an item of id {broken!r}")
        return [found[row][0] for row in np.flatnonzero(self.alive)]

    def matching(self, where: str, stop: Stop = go_on) -> Bool[np.ndarray, " item"]:
        """Which items are alive and fulfil a `--where` clause; `stop` may end the evaluation."""
        chosen = np.zeros(self.facts.count, bool)
        chosen[self._filter.rows(where, stop)] = True
        chosen &= self.alive
        return chosen

    def close(self) -> None:
        """Close the metadata; mapped files close when nobody looks at them any more."""
        self.rows.close()
        self._filter.close()


def agree(segments: Sequence[Segment]) -> None:
    """Let a column be of one kind in every segment alike, or text where they differ."""
    kinds: dict[str, frozenset[str]] = {}
    for segment in segments:
        for name, own in segment.rows.kinds.items():
            kinds[name] = kinds.get(name, own) & own
    for segment in segments:
        segment.use_kinds(kinds)


def locate(segments: Sequence[Segment], ids: Sequence[int]) -> dict[int, tuple[int, int]]:
    """Return the segment's number and the row of each living item.

    Raises:
        KeyError: an id is not there.
    """
    places = {
        i: (number, row)
        for number, segment in enumerate(segments)
        for i, rows in segment.rows.rows_of("id", ids).items()
        for row in rows
        if segment.alive[row]
    }
    return {i: places[i] for i in ids}


def _alive(folder: Path, facts: SegmentFacts) -> Bool[np.ndarray, " item"]:
    if not facts.removed:
        return np.ones(facts.count, bool)
    packed = np.frombuffer((folder / facts.removed).read_bytes(), np.uint8)
    if len(packed) != (facts.count + 7) // 8:
        raise IntegrityError(f"{folder / facts.removed} is not a bitmap of {facts.count} items")
    removed = np.unpackbits(packed, count=facts.count, bitorder="little").astype(bool)
    if int(removed.sum()) != facts.removed_count:
        raise IntegrityError(f"{folder / facts.removed} removes {int(removed.sum())} items")
    return ~removed
