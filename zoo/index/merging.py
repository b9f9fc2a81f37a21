"""Several indexes to one: what shards were built for."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from zoo.errors import UsageError
from zoo.files import staged_folder
from zoo.index import engine
from zoo.index.changes import empty, event, filler, living_vectors, opened, share_training
from zoo.index.identity import refuse_other_model
from zoo.index.manifest import Manifest
from zoo.index.rows import Record, columns_of, levels_of
from zoo.index.segment import CODES, Fill, Segment, write_segment
from zoo.index.store import SEGMENTS, publish, read_current


def merge(out: Path, folders: Sequence[Path]) -> int:
    """Create the index `out` from all living items of `folders`, in order; return how many.

    An item that two of them hold (same path, same content) is taken once, from the first. Codes
    trained together (`Index.build(like=...)`) are moved as they are; others are made again from
    the vectors, with the training of the first index.

    Raises:
        UsageError: models, modalities or dimensions differ, or `out` exists.
    """
    manifests = [read_current(folder) for folder in folders]
    first = manifests[0]
    for folder, manifest in zip(folders, manifests, strict=True):
        refuse_other_model(first.model, manifest.model)
        if manifest.modality != first.modality:
            raise UsageError(f"{folder} holds {manifest.modality}, {folders[0]} {first.modality}")
    segments = [s for f, m in zip(folders, manifests, strict=True) for s in opened(f, m)]
    root = first.root if len({m.root for m in manifests}) == 1 else ""
    roots = [m.root for m in manifests for _ in m.segments]
    records = _once(segments, [Path() if root else Path(own) for own in roots])
    with staged_folder(out) as staged:
        (staged / SEGMENTS).mkdir()
        empty_manifest = Manifest(first.model, first.dim, first.plan, first.modality, root)
        shared = share_training(staged, replace(empty_manifest, generation=0), folders[0])
        codes = _moved(staged, shared, manifests, segments) or filler(staged, shared)
        pieces = (piece for segment in segments for piece in living_vectors(segment))
        facts = write_segment(staged, "000001", pieces, records, shared, codes)
        sources = [str(folder) for folder in folders]
        done = event("merge", added=len(records), sources=sources)
        levels, columns = levels_of(records), columns_of(records)
        grown = {"segments": (facts,), "levels": levels, "columns": columns}
        publish(staged, shared.next(done, next_id=len(records), tuning=first.tuning, **grown))
    return len(records)


def _once(segments: Sequence[Segment], roots: Sequence[Path]) -> list[Record]:
    """Return the living records, numbered anew, and bury in memory those that came before."""
    kept: list[Record] = []
    seen: set[tuple[str, str]] = set()
    for segment, root in zip(segments, roots, strict=True):
        rows = np.flatnonzero(segment.alive).tolist()
        for row, record in sorted(segment.rows.records(rows).items()):
            path = str(root / record.path)
            if (path, record.sha256) in seen:
                segment.alive[row] = False
                continue
            seen.add((path, record.sha256))
            kept.append(replace(record, path=path, id=len(kept)))
    return kept


def _moved(
    staged: Path, shared: Manifest, manifests: Sequence[Manifest], segments: Sequence[Segment]
) -> Fill | None:
    """Return a function that moves every segment's codes, when they fit together as they are."""
    training = {(m.plan.kind, m.trained_facts) for m in manifests}
    whole = all(segment.alive.all() for segment in segments)
    if not (shared.trained and whole and len(training) == 1):
        return None

    def move(vectors: engine.Vectors) -> object:
        index = empty(staged, shared)
        for segment in segments:
            engine.move(index, segment.home / CODES, shared.plan.kind, segment.facts.count)
        assert index.ntotal == len(vectors)
        return index

    return move
