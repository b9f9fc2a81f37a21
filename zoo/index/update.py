"""Adding images: only content never seen is embedded, and changed files replace their past."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float32

from zoo.embedding.rows import Record
from zoo.embedding.sources import Embed, embed_distinct
from zoo.index.changes import buried, event, grown, opened
from zoo.index.completion import completed
from zoo.index.generations import publish, writing
from zoo.index.manifest import Manifest
from zoo.index.segment import Segment

Vectors = Float32[np.ndarray, "item dim"]


@dataclass(frozen=True)
class Update:
    """What an addition did: items that are new, that changed (file or labels), that did not.

    embedded: how many contents the model had to look at; equal contents share a vector.
    """

    added: int = 0
    changed: int = 0
    kept: int = 0
    embedded: int = 0


class Place(NamedTuple):
    """Where the index holds a record: the segment's number and the row."""

    segment: int
    row: int
    record: Record


Known = Mapping[tuple[str, str], Place]


def update(folder: Path, records: Sequence[Record], embed: Embed) -> Update:
    """Bring the index up to date with `records`, at once or not at all.

    A record is known by its path (a caption by path and text). Known and equal: left alone; known
    and different: replaced; unknown: added. What no record says, such as the labels of a set
    without labels, stays as it is known. `embed` gets positions in `records`, and only those whose
    content is nowhere in the index.

    Raises:
        RankzooError: another process is writing.
    """
    with writing(folder) as manifest:
        segments = opened(folder, manifest)
        captions = manifest.modality == "captions"
        known = _known(segments, records, captions)
        before = [known.get(_key(record, captions)) for record in records]
        records = completed(records, [place and place.record for place in before], manifest)
        fresh, old = _compare(segments, records, known, captions)
        matrix, embedded = _vectors(manifest, segments, [records[i] for i in fresh], fresh, embed)
        changed = sum(len(rows) for rows in old)
        done = Update(len(fresh) - changed, changed, len(records) - len(fresh), embedded)
        if fresh:
            masks = [_mask(segment, rows) for segment, rows in zip(segments, old, strict=True)]
            facts = buried(folder, segments, masks, manifest.generation + 1)
            after = replace(manifest, segments=facts)
            new = [records[i] for i in fresh]
            publish(folder, grown(folder, after, [matrix], new, event("add", **asdict(done))))
    return done


def _known(segments: Sequence[Segment], records: Sequence[Record], captions: bool) -> Known:
    """Return what the index holds of the records: by key, the segment, the row and the record."""
    known: dict[tuple[str, str], Place] = {}
    paths = list(dict.fromkeys(record.path for record in records))
    for number, segment in enumerate(segments):
        rows = [row for group in segment.rows.rows_of("path", paths).values() for row in group]
        living = [row for row in rows if segment.alive[row]]
        for row, record in segment.rows.records(living).items():
            known[_key(record, captions)] = Place(number, row, replace(record, id=-1))
    return known


def _compare(
    segments: Sequence[Segment], records: Sequence[Record], known: Known, captions: bool
) -> tuple[list[int], list[list[int]]]:
    """Return positions of records to write, and each segment's rows that they replace."""
    fresh: list[int] = []
    old: list[list[int]] = [[] for _ in segments]
    met: set[tuple[str, str]] = set()
    for position, record in enumerate(records):
        key = _key(record, captions)
        before = known.get(key)
        if key in met or (before is not None and _same(before.record, record)):
            continue
        met.add(key)
        fresh.append(position)
        if before is not None:
            old[before.segment].append(before.row)
    return fresh, old


def _vectors(
    manifest: Manifest,
    segments: Sequence[Segment],
    records: Sequence[Record],
    positions: Sequence[int],
    embed: Embed,
) -> tuple[Vectors, int]:
    """Return the records' vectors, reusing the index's own where the content is there already."""
    matrix = np.empty((len(records), manifest.dim), np.float32)
    missing = set(range(len(records)))
    for segment in segments:
        wanted = list(dict.fromkeys(records[i].sha256 for i in missing))
        found = segment.rows.rows_of("sha256", wanted)
        for i in sorted(missing):
            if records[i].sha256 in found:
                matrix[i] = segment.vectors[found[records[i].sha256][0]]
                missing.discard(i)
    rest = sorted(missing)
    if rest:
        unseen = [records[i] for i in rest]
        matrix[rest] = embed_distinct(
            unseen, lambda chosen: embed([positions[rest[c]] for c in chosen])
        )
    return matrix, len({records[i].sha256 for i in rest})


def _key(record: Record, captions: bool) -> tuple[str, str]:
    return (record.path, record.sha256 if captions else "")


def _same(before: Record, record: Record) -> bool:
    return _comparable(before) == _comparable(record)


def _comparable(record: Record) -> tuple[Any, ...]:
    """A record as the database gives it back: no empty values, numbers as text."""
    extra = {name: str(value) for name, value in record.extra.items() if value not in ("", None)}
    labels = {name: value for name, value in record.labels.items() if value}
    return record.path, record.sha256, record.caption, labels, extra


def _mask(segment: Segment, rows: Sequence[int]) -> Any:
    mask = np.zeros(segment.facts.count, bool)
    mask[list(rows)] = True
    return mask
