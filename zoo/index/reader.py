"""Reading an index: open a generation, search it, look things up in it."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from zoo.embedding.identity import ModelIdentity, refuse_other_model
from zoo.embedding.rows import Record
from zoo.embedding.vectors import unit_rows, whitened
from zoo.embedding.whitening import Whitening, load_whitening
from zoo.errors import IntegrityError, UsageError
from zoo.index import engine
from zoo.index.generations import check_files, read_current
from zoo.index.layout import Plan
from zoo.index.manifest import Manifest
from zoo.index.segment import Segment, agree, locate
from zoo.index.where import Stop, go_on
from zoo.progress import Track, silent
from zoo.search.hits import Hit, Hits, ranked

TRIES = 5  # a writer may sweep a generation away between a reader's look at it and its opening
QUERY_BATCH = 1_024
Mask = Bool[np.ndarray, " _"]  # one entry an item of a segment
Own = TypeVar("Own", bound="Reader")


class Reader:
    """One generation of an index folder, as it was when it was opened or last changed here."""

    segment_type: type[Segment] = Segment

    def __init__(self, folder: Path, manifest: Manifest, segments: Sequence[Segment]) -> None:
        self.folder = folder
        self.manifest = manifest
        self.segments = tuple(segments)
        agree(self.segments)
        self.whitening = _whitening(folder, manifest)

    @classmethod
    def open(cls: type[Own], folder: Path | str, *, trust_seen: bool = True) -> Own:
        """Open the current generation; every file's sha256 is checked before it is used.

        trust_seen: do not read again what passed before and has not been touched since.

        Raises:
            UnavailableError: no index there. IntegrityError: it is damaged.
        """
        folder = Path(folder)
        for attempt in range(1, TRIES + 1):
            manifest = read_current(folder)
            try:
                check_files(folder, manifest, trust_seen=trust_seen)
                return cls(
                    folder,
                    manifest,
                    [cls.segment_type(folder, s, manifest) for s in manifest.segments],
                )
            except (FileNotFoundError, IntegrityError):
                if attempt == TRIES or read_current(folder).generation == manifest.generation:
                    raise
        raise AssertionError("unreachable")

    def __len__(self) -> int:
        return self.manifest.count

    @property
    def root(self) -> Path:
        """The folder that the items' relative paths start from."""
        return Path(self.manifest.root)

    def search(
        self,
        queries: Float[Tensor, "query dim"],
        k: int = 10,
        *,
        where: str | None = None,
        plan: Plan | None = None,
        model: ModelIdentity | None = None,
        candidates: Sequence[Mask] | None = None,
        prepared: bool = False,
    ) -> list[Hits]:
        """Return up to `k` hits for each query, best first; a notebook shows them with images.

        prepared: the queries are vectors as the index keeps them (`prepare`, `vectors_of`), not
            as the model makes them.
        where: an SQL condition on the metadata. plan: search harder or softer than planned.
        model: who made the queries; refused unless it also made the index.
        candidates: what `candidates(where)` returned, for those who ask it more than once.

        Raises:
            UsageError: k, dimension, condition or model cannot be.
            DataError: a query is zero or not finite.
        """
        if model is not None:
            refuse_other_model(self.manifest.model, model)
        if k < 1:
            raise UsageError(f"k={k} asks for nothing", "give a positive k")
        matrix = unit_rows(queries if prepared else self.prepare(queries, "query"), "query")
        allowed = self.candidates(where) if candidates is None else candidates
        pieces = [matrix[i : i + QUERY_BATCH] for i in range(0, len(matrix), QUERY_BATCH)]
        return [
            hits for piece in pieces for hits in self._search(piece, k, plan or self.plan, allowed)
        ]

    def prepare(
        self, embeddings: Float[Tensor, "item _"], what: str = "embedding"
    ) -> Float[Tensor, "item dim"]:
        """Return a model's embeddings as the index keeps them: of unit length, whitened if it is.

        Raises:
            UsageError: they have another width. DataError: one is zero or not finite.
        """
        width = self.manifest.dim if self.whitening is None else len(self.whitening.mean)
        if embeddings.shape[1] != width:
            raise UsageError(
                f"{what} of {embeddings.shape[1]} dimensions, the index's model makes {width}",
                "embed with the index's own model",
            )
        return torch.from_numpy(whitened(unit_rows(embeddings, what), self.whitening))

    @property
    def plan(self) -> Plan:
        """How the index is laid out and searched."""
        return self.manifest.plan

    def _search(
        self, queries: engine.Queries, k: int, plan: Plan, allowed: Sequence[Any]
    ) -> list[Hits]:
        found: list[list[tuple[float, Record]]] = [[] for _ in queries]
        everywhere = self._ask(queries, k, plan, allowed)
        for segment, (scores, rows) in zip(self.segments, everywhere, strict=True):
            records = segment.rows.records(int(row) for row in np.unique(rows[rows >= 0]))
            for hits, query_scores, query_rows in zip(found, scores, rows, strict=True):
                pairs = zip(query_scores.tolist(), query_rows.tolist(), strict=True)
                hits.extend((score, records[row]) for score, row in pairs if row >= 0)
        return [Hits(ranked(hits, self.root)[:k]) for hits in found]

    def _ask(
        self, queries: engine.Queries, k: int, plan: Plan, allowed: Sequence[Any]
    ) -> list[engine.Found]:
        """Return scores and rows of the best `k` of each segment."""
        pairs = zip(self.segments, allowed, strict=True)
        return [s.searcher.search(queries, k, plan, s.narrowed(mask)) for s, mask in pairs]

    def absent(self) -> tuple[str, ...]:
        """Return which parts gave no answer since this was asked last: none, in one process."""
        return ()

    def candidates(self, where: str | None = None, stop: Stop = go_on) -> list[Mask]:
        """Return, for each segment, which items are alive and fulfil the condition.

        stop: asked every few milliseconds; a reason it gives ends the evaluation.

        Raises:
            UsageError: the condition cannot be, or was interrupted.
        """
        if where is None:
            return [segment.alive for segment in self.segments]
        return [segment.matching(where, stop) for segment in self.segments]

    def page(self, candidates: Sequence[Mask], offset: int, limit: int) -> list[Hit]:
        """Return a stretch of the candidates in the order they were added, unranked."""
        found: list[Hit] = []
        for segment, mask in zip(self.segments, candidates, strict=True):
            rows = np.flatnonzero(mask)
            chosen = rows[offset : offset + limit - len(found)].tolist()
            records = segment.rows.records(chosen)
            found += [Hit(0, 0.0, self.root / records[r].path, records[r]) for r in chosen]
            offset = max(0, offset - len(rows))
        return found

    def ids(self) -> list[int]:
        """Ids of all living items, oldest first."""
        return sorted(i for segment in self.segments for i in segment.ids())

    def items(self, ids: Sequence[int]) -> list[Hit]:
        """Return items by id, in the order asked for; each is its own best hit.

        Raises:
            KeyError: an id is not in the index.
        """
        places = locate(self.segments, ids)
        found = {
            record.id: record
            for number, segment in enumerate(self.segments)
            for record in segment.rows.records(
                r for n, r in places.values() if n == number
            ).values()
        }
        return [Hit(1, 1.0, self.root / found[i].path, found[i]) for i in ids]

    def vectors_of(self, ids: Iterable[int]) -> dict[int, Float[Tensor, " dim"]]:
        """Return the unit vectors of items, by id.

        Raises:
            KeyError: an id is not in the index.
        """
        places = locate(self.segments, list(dict.fromkeys(ids)))
        return {
            i: torch.from_numpy(self.segments[number].vectors[row].copy())
            for i, (number, row) in places.items()
        }

    def verify(self, track: Track = silent) -> int:
        """Read every file of the current generation and check it; return how many bytes were read.

        Raises:
            IntegrityError: naming the first file that is not what it should be.
        """
        manifest = read_current(self.folder)
        return check_files(self.folder, manifest, trust_seen=False, track=track)

    def info(self) -> dict[str, Any]:
        """Return counts, sizes, model, plan and history as plain values."""
        return self.manifest.describe()

    def close(self) -> None:
        """Close the metadata files."""
        for segment in self.segments:
            segment.close()


def _whitening(folder: Path, manifest: Manifest) -> Whitening | None:
    """Read the whitening of an index whose files were verified.

    Raises:
        IntegrityError: it is none, or of another width.
    """
    if not manifest.whitening:
        return None
    found = load_whitening(folder / manifest.whitening)
    sizes = (found.mean.ndim, *found.projection.shape)
    finite = all(bool(t.isfinite().all()) for t in (found.mean, found.projection))
    if sizes != (1, len(found.mean), manifest.dim) or not finite:
        raise IntegrityError(f"{folder / manifest.whitening} is no whitening of this index")
    return found
