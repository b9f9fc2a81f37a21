"""Several indexes to one: what shards were built for."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from zoo.embedding.identity import refuse_other_model
from zoo.embedding.rows import Record, columns_of, levels_of
from zoo.errors import UsageError
from zoo.files import staged_folder
from zoo.index.changes import (
    LivingRecords,
    event,
    filler,
    living_vectors,
    mover,
    opened,
    share_training,
)
from zoo.index.generations import SEGMENTS, publish, read_current
from zoo.index.manifest import Manifest
from zoo.index.segment import Segment, write_segment


def merge(out: Path, folders: Sequence[Path]) -> int:
    """Create the index `out` from all living items of `folders`, in order; return how many.

    An item that two of them hold (same path, same content) is taken once, from the first. Codes
    trained together (`Index.build(like=...)`) are moved as they are, a list at a time, and vectors
    and rows are streamed: a few dozen bytes an item are held. Codes trained apart, and graphs,
    are made again from the vectors, in memory, with the training of the first index.

    Raises:
        UsageError: models, modalities or dimensions differ, or `out` exists.
    """
    manifests = [read_current(folder) for folder in folders]
    first = manifests[0]
    for folder, manifest in zip(folders, manifests, strict=True):
        pair = (f"{folders[0]} was built", str(folder))
        refuse_other_model(first.model, manifest.model, *pair, "merge indexes of one model")
        if manifest.modality != first.modality:
            raise UsageError(f"{folder} holds {manifest.modality}, {folders[0]} {first.modality}")
        if manifest.whitening_facts != first.whitening_facts:
            raise UsageError(
                f"{folder} and {folders[0]} are not whitened alike", "build shards with --like"
            )
    segments = [s for f, m in zip(folders, manifests, strict=True) for s in opened(f, m)]
    root = first.root if len({m.root for m in manifests}) == 1 else ""
    roots = [Path() if root else Path(m.root) for m in manifests for _ in m.segments]
    bury_repeats(segments, roots)
    records = LivingRecords(segments, roots)
    with staged_folder(out) as staged:
        (staged / SEGMENTS).mkdir()
        empty_manifest = Manifest(first.model, first.dim, first.plan, first.modality, root)
        shared = share_training(staged, replace(empty_manifest, generation=0), folders[0])
        alike = len({(m.plan.kind, m.trained_facts) for m in manifests}) == 1
        codes = mover(staged, shared, segments) if alike else filler(staged, shared)
        home = staged / SEGMENTS / "000001"
        facts = write_segment(home, living_vectors(segments), records, shared, codes)
        sources = [str(folder) for folder in folders]
        done = event("merge", added=len(records), sources=sources)
        levels, columns = levels_of(records), columns_of(records)
        grown = {"segments": (facts,), "levels": levels, "columns": columns}
        publish(staged, shared.next(done, next_id=len(records), tuning=first.tuning, **grown))
    return len(records)


def bury_repeats(segments: Sequence[Segment], roots: Sequence[Path]) -> None:
    """Bury, in memory alone, every living item that repeats one before it: same path and content.

    Digests of 16 bytes stand for the items, so that a hundred million of them take 1.6 GB.
    """
    records = LivingRecords(segments, roots)
    pairs = (_digest(record) for record in records)
    digests = np.fromiter(pairs, [("high", np.uint64), ("low", np.uint64)], len(records))
    fresh = np.zeros(len(digests), bool)
    fresh[np.unique(digests, return_index=True)[1]] = True
    first = 0
    for segment in segments:
        rows = np.flatnonzero(segment.alive)
        segment.alive[rows] = fresh[first : first + len(rows)]
        first += len(rows)


def _digest(record: Record) -> tuple[int, int]:
    text = f"{record.path}\0{record.sha256}".encode("utf-8", "surrogateescape")
    digest = hashlib.blake2b(text, digest_size=16).digest()
    return int.from_bytes(digest[:8], "big"), int.from_bytes(digest[8:], "big")
