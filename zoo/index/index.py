"""`Index`: build, open, search, change and verify a folder of embeddings."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from zoo.data.catalogue import Catalogue
from zoo.errors import DataError, IntegrityError, UsageError
from zoo.files import refuse_to_overwrite, staged_folder
from zoo.index import changes, engine
from zoo.index.hits import Hit, ranked
from zoo.index.identity import identify, refuse_other_model
from zoo.index.manifest import Manifest, ModelIdentity
from zoo.index.merging import merge
from zoo.index.plan import Plan
from zoo.index.rows import Record
from zoo.index.segment import Segment
from zoo.index.sources import Means, work_for
from zoo.index.store import check_files, read_current
from zoo.index.update import Update, embed_distinct, update
from zoo.index.vectors import unit_rows
from zoo.progress import Track, silent

TRIES = 5  # a writer may sweep a generation away between a reader's look at it and its opening
QUERY_BATCH = 1_024


class Index:
    """One generation of an index folder, as it was when it was opened or last changed here."""

    def __init__(self, folder: Path, manifest: Manifest, segments: Sequence[Segment]) -> None:
        self.folder = folder
        self.manifest = manifest
        self.segments = tuple(segments)

    @classmethod
    def build(
        cls,
        folder: Path,
        model: nn.Module,
        catalogue: Catalogue,
        *,
        name: str = "",
        modality: str = "images",
        plan: Plan = Plan(),
        like: Path | None = None,
        batch_size: int = 64,
        workers: int = 0,
        device: str = "cpu",
        track: Track = silent,
    ) -> "Index":
        """Embed a catalogue and create the index `folder` from it.

        name: what `zoo.load` will be given to find the model again when somebody searches.
        modality: index the catalogue's `images`, or its `captions`.

        Raises:
            UsageError: the folder exists, or the model lacks that side.
            DataError: a picture cannot be read, or there is nothing to index.
        """
        refuse_to_overwrite(folder)
        root = catalogue.root.absolute()
        means = Means(batch_size, workers, device, track)
        records, embed = work_for(model, catalogue, root, modality, means)
        vectors = torch.from_numpy(embed_distinct(records, embed))
        identity = identify(model, name)
        return cls.from_vectors(
            folder, vectors, records, identity, plan=plan, modality=modality, root=root, like=like
        )

    @classmethod
    def from_vectors(
        cls,
        folder: Path,
        vectors: Float[Tensor, "item dim"],
        records: Sequence[Record],
        model: ModelIdentity,
        *,
        plan: Plan = Plan(),
        modality: str = "images",
        root: Path | None = None,
        like: Path | None = None,
        tuning: Sequence[dict[str, Any]] = (),
    ) -> "Index":
        """Create the index `folder` from embeddings; they are brought to unit length.

        like: an index whose trained codes to share, so that the two can be merged exactly.

        Raises:
            UsageError: the folder exists, or the plan does not fit the vectors.
            DataError: there is no vector, or one that is not finite or zero.
        """
        matrix = unit_rows(vectors, "embedding")
        if len(matrix) == 0:
            raise DataError("there is nothing to index", "give at least one picture")
        manifest = Manifest(
            model, matrix.shape[1], plan, modality, str(root or ""), tuning=tuple(tuning)
        )
        with staged_folder(folder) as staged:
            changes.create(staged, manifest, matrix, records, like)
        return cls.open(folder)

    @classmethod
    def merge(cls, folder: Path, sources: Sequence[Path]) -> "Index":
        """Create the index `folder` from all items of other indexes (see zoo/index/merging.py).

        Raises:
            UsageError: they do not belong together, or the folder exists.
        """
        merge(folder, sources)
        return cls.open(folder)

    @classmethod
    def open(cls, folder: Path, *, trust_seen: bool = True) -> "Index":
        """Open the current generation; every file's sha256 is checked before it is used.

        trust_seen: do not read again what passed before and has not been touched since.

        Raises:
            UnavailableError: no index there. IntegrityError: it is damaged.
        """
        for attempt in range(1, TRIES + 1):
            manifest = read_current(folder)
            try:
                check_files(folder, manifest, trust_seen=trust_seen)
                return cls(
                    folder, manifest, [Segment(folder, s, manifest) for s in manifest.segments]
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
    ) -> list[list[Hit]]:
        """Return up to `k` hits for each query, best first.

        where: an SQL condition on the metadata. plan: search harder or softer than planned.
        model: who made the queries; refused unless it also made the index.

        Raises:
            UsageError: k, dimension, condition or model cannot be.
            DataError: a query is zero or not finite.
        """
        if model is not None:
            refuse_other_model(self.manifest.model, model)
        if k < 1:
            raise UsageError(f"k={k} asks for nothing", "give a positive k")
        if queries.shape[1] != self.manifest.dim:
            raise UsageError(
                f"queries have {queries.shape[1]} dimensions, the index {self.manifest.dim}",
                "embed them with the index's own model",
            )
        matrix = unit_rows(queries, "query")
        allowed = [s.matching(where) if where is not None else s.alive for s in self.segments]
        pieces = [matrix[i : i + QUERY_BATCH] for i in range(0, len(matrix), QUERY_BATCH)]
        return [
            hits for piece in pieces for hits in self._search(piece, k, plan or self.plan, allowed)
        ]

    @property
    def plan(self) -> Plan:
        """How the index is laid out and searched."""
        return self.manifest.plan

    def _search(
        self, queries: engine.Queries, k: int, plan: Plan, allowed: Sequence[Any]
    ) -> list[list[Hit]]:
        found: list[list[tuple[float, Record]]] = [[] for _ in queries]
        for segment, candidates in zip(self.segments, allowed, strict=True):
            scores, rows = segment.search(queries, k, plan, candidates)
            records = segment.rows.records(int(row) for row in np.unique(rows[rows >= 0]))
            for hits, query_scores, query_rows in zip(found, scores, rows, strict=True):
                pairs = zip(query_scores.tolist(), query_rows.tolist(), strict=True)
                hits.extend((score, records[row]) for score, row in pairs if row >= 0)
        return [ranked(hits, self.root)[:k] for hits in found]

    def add(
        self,
        model: nn.Module,
        catalogue: Catalogue,
        *,
        batch_size: int = 64,
        workers: int = 0,
        device: str = "cpu",
        track: Track = silent,
    ) -> Update:
        """Bring the index up to date with a catalogue; only content never seen is embedded.

        Raises:
            UsageError: it is not the index's model.
            RankzooError: another process is writing.
        """
        refuse_other_model(self.manifest.model, identify(model, "this model"))
        means = Means(batch_size, workers, device, track)
        records, embed = work_for(model, catalogue, self.root, self.manifest.modality, means)
        done = update(self.folder, records, embed)
        self._refresh()
        return done

    def add_vectors(self, vectors: Float[Tensor, "item dim"], records: Sequence[Record]) -> int:
        """Add items at once or not at all; return how many.

        Raises:
            RankzooError: another process is writing. UsageError, DataError: see `from_vectors`.
        """
        matrix = unit_rows(vectors, "embedding")
        if matrix.shape[1] != self.manifest.dim:
            raise UsageError(
                f"embeddings have {matrix.shape[1]} dimensions, the index {self.manifest.dim}"
            )
        changes.append(self.folder, matrix, records)
        self._refresh()
        return len(matrix)

    def remove(
        self, *, ids: Iterable[int] = (), paths: Iterable[str] = (), where: str | None = None
    ) -> int:
        """Remove every item that any of the three names; return how many.

        Raises:
            UnavailableError: an id or a path is not in the index; nothing was removed.
        """
        count = changes.remove(self.folder, list(ids), list(paths), where)
        self._refresh()
        return count

    def compact(self) -> None:
        """Rewrite the index as one segment without the removed items."""
        changes.compact(self.folder)
        self._refresh()

    def verify(self, track: Track = silent) -> int:
        """Read every file of the current generation and check it; return how many bytes were read.

        Raises:
            IntegrityError: naming the first file that is not what it should be.
        """
        manifest = read_current(self.folder)
        return check_files(self.folder, manifest, trust_seen=False, track=track)

    def info(self) -> dict[str, Any]:
        """Return counts, sizes, model, plan and history as plain values."""
        manifest = self.manifest
        return {
            "count": manifest.count,
            "dim": manifest.dim,
            "kind": manifest.plan.kind,
            "plan": str(manifest.plan),
            "modality": manifest.modality,
            "model": manifest.model.name,
            "weights_sha256": manifest.model.weights_sha256,
            "root": manifest.root,
            "levels": list(manifest.levels),
            "columns": list(manifest.columns),
            "generation": manifest.generation,
            "segments": len(manifest.segments),
            "removed": sum(segment.removed_count for segment in manifest.segments),
            "bytes": sum(facts.size for facts in manifest.files.values()),
            "tuning": [dict(row) for row in manifest.tuning],
            "history": [dict(event) for event in manifest.history],
        }

    def close(self) -> None:
        """Close the metadata files."""
        for segment in self.segments:
            segment.close()

    def _refresh(self) -> None:
        self.close()
        fresh = type(self).open(self.folder)
        self.manifest, self.segments = fresh.manifest, fresh.segments
