"""Every way an index changes: each makes the next generation in full, then publishes it."""

import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float32

from zoo import __version__
from zoo.embedding.rows import Record, columns_of, levels_of
from zoo.embedding.sources import relative_path
from zoo.embedding.whitening import Whitening, save_whitening
from zoo.errors import DataError, UnavailableError, UsageError
from zoo.files import Facts, atomic_path, straight
from zoo.index import engine
from zoo.index.generations import SEGMENTS, check_files, publish, read_current, writing
from zoo.index.lists import write_lists
from zoo.index.manifest import Manifest, SegmentFacts
from zoo.index.options import StoreOptions
from zoo.index.segment import Fill, Segment, agree, write_removed, write_segment

TRAINED = f"{SEGMENTS}/trained.faiss"
WHITENING = f"{SEGMENTS}/whitening.safetensors"
Vectors = Float32[np.ndarray, "item dim"]
Masks = Sequence[Bool[np.ndarray, " _"]]  # one a segment, of any lengths


def create(
    folder: Path,
    manifest: Manifest,
    vectors: Vectors,
    records: Sequence[Record],
    options: StoreOptions,
) -> None:
    """Fill an empty `folder` with the first generation of an index.

    options.whitening: what `vectors` went through, and what queries will.
    """
    (folder / SEGMENTS).mkdir()
    if options.like is not None:
        manifest = share_training(folder, manifest, options.like)
    else:
        manifest = learnt(folder, manifest, vectors, options.whitening)
    start = replace(manifest, generation=0)
    publish(folder, grown(folder, start, [vectors], records, event("build", added=len(records))))


def append(folder: Path, vectors: Vectors, records: Sequence[Record]) -> Manifest:
    """Add a segment."""
    with writing(folder) as manifest:
        done = event("add", added=len(records))
        after = grown(folder, manifest, [vectors], records, done)
        publish(folder, after)
    return after


def remove(folder: Path, ids: Sequence[int], paths: Sequence[str], where: str | None) -> int:
    """Bury every item that `ids`, `paths` or `where` names; return how many.

    Raises:
        UnavailableError: an id or path is not there.
    """
    with writing(folder) as manifest:
        segments = opened(folder, manifest)
        chosen = [np.zeros(segment.facts.count, bool) for segment in segments]
        _choose(segments, chosen, "id", ids)
        _choose(segments, chosen, "path", [_relative(manifest, path) for path in paths])
        if where is not None:
            for mask, segment in zip(chosen, segments, strict=True):
                mask |= segment.matching(where)
        count = sum(int(mask.sum()) for mask in chosen)
        if count:
            facts = buried(folder, segments, chosen, manifest.generation + 1)
            publish(folder, manifest.next(event("remove", removed=count), segments=facts))
    return count


def relocate(folder: Path, root: Path) -> int:
    """Let the items' relative paths start from another folder; return how many are not there.

    An item outside of the index's folder (`lies_outside`) does not move with it.

    Raises:
        DataError: it is no folder, or none of the items that would move is there; nothing was
            changed.
    """
    if not root.is_dir():
        raise DataError(f"{root} is no folder", "name the folder that the images are in now")
    with writing(folder) as manifest:
        records = LivingRecords(opened(folder, manifest))
        met = Counter((lies_outside(r), (root / r.path).is_file()) for r in records)
        moving = met[False, True] + met[False, False]
        if moving and not met[False, True]:
            problem = f"none of the {moving} images of {folder} is in {root}"
            raise DataError(problem, f"they were in {manifest.root}: name the folder they are in")
        new = str(straight(root.absolute()))
        publish(folder, manifest.next(event("relocate", before=manifest.root, root=new), root=new))
    return met[False, False] + met[True, False]


def lies_outside(record: Record) -> bool:
    """Whether an item lies outside of the index's folder: its path is whole."""
    return Path(record.path).is_absolute()


def buried(
    folder: Path, segments: Sequence[Segment], chosen: Masks, generation: int
) -> tuple[SegmentFacts, ...]:
    """Write tombstones for the `chosen` items and return the facts of every segment."""
    return tuple(
        write_removed(folder, segment.facts, segment.alive & ~mask, generation)
        if mask.any()
        else segment.facts
        for segment, mask in zip(segments, chosen, strict=True)
    )


def compact(folder: Path) -> Manifest:
    """Rewrite all living items as one segment.

    Raises:
        UsageError: nothing is left alive.
    """
    with writing(folder) as manifest:
        segments = opened(folder, manifest)
        records = LivingRecords(segments)
        if not len(records):
            raise UsageError(f"{folder} holds no living item", "build a new index instead")
        home, codes = _next_home(folder, manifest), mover(folder, manifest, segments)
        facts = write_segment(home, living_vectors(segments), records, manifest, codes)
        done = event("compact", dropped=sum(s.removed_count for s in manifest.segments))
        compacted = manifest.next(done, segments=(facts,))
        publish(folder, compacted)
    return compacted


def opened(folder: Path, manifest: Manifest) -> list[Segment]:
    """Verify and open every segment.

    Raises:
        IntegrityError: a file is damaged.
    """
    check_files(folder, manifest, trust_seen=True)
    segments = [Segment(folder, facts, manifest) for facts in manifest.segments]
    agree(segments)
    return segments


def living_vectors(segments: Sequence[Segment]) -> Iterator[Vectors]:
    """Yield the vectors that are not removed, a chunk at a time."""
    for segment in segments:
        for start in range(0, segment.facts.count, engine.CHUNK):
            chunk = slice(start, start + engine.CHUNK)
            yield segment.vectors[chunk][segment.alive[chunk]]


class LivingRecords:
    """The records that are not removed, in the order of their vectors, read as they are asked for.

    roots: when given, one a segment: paths then start from it, and ids count from 0.
    """

    def __init__(self, segments: Sequence[Segment], roots: Sequence[Path] = ()) -> None:
        self.segments = segments
        self.roots = roots

    def __len__(self) -> int:
        return sum(int(segment.alive.sum()) for segment in self.segments)

    def __iter__(self) -> Iterator[Record]:
        if not self.roots:
            yield from (record for segment in self.segments for record in _living(segment))
            return
        pairs = zip(self.segments, self.roots, strict=True)
        moved = ((root, record) for segment, root in pairs for record in _living(segment))
        for number, (root, record) in enumerate(moved):
            yield replace(record, path=str(root / record.path), id=number)


def _living(segment: Segment) -> Iterator[Record]:
    rows = np.flatnonzero(segment.alive)
    for start in range(0, len(rows), engine.CHUNK):
        chunk = rows[start : start + engine.CHUNK].tolist()
        yield from (record for _, record in sorted(segment.rows.records(chunk).items()))


def event(name: str, **facts: Any) -> dict[str, Any]:
    """Return a line for the history."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return {"event": name, "time": now, "version": __version__, **facts}


def _next_home(folder: Path, manifest: Manifest) -> Path:
    """Return where the next generation's segment goes."""
    return folder / SEGMENTS / f"{manifest.generation + 1:06d}"


def grown(
    folder: Path,
    manifest: Manifest,
    pieces: Sequence[Vectors],
    records: Sequence[Record],
    done: Mapping[str, Any],
) -> Manifest:
    """Write a new segment and return the manifest that has it; `done` goes into its history."""
    first = manifest.next_id
    numbered = [replace(record, id=first + row) for row, record in enumerate(records)]
    home, codes = _next_home(folder, manifest), filler(folder, manifest)
    facts = write_segment(home, pieces, numbered, manifest, codes)
    return manifest.next(
        done,
        segments=(*manifest.segments, facts),
        next_id=first + len(records),
        levels=tuple(dict.fromkeys((*manifest.levels, *levels_of(records)))),
        columns=tuple(dict.fromkeys((*manifest.columns, *columns_of(records)))),
    )


def _choose(segments: Sequence[Segment], chosen: Masks, column: str, values: Sequence[Any]) -> None:
    remaining = set(values)
    for mask, segment in zip(chosen, segments, strict=True):
        for value, rows in segment.rows.rows_of(column, values).items():
            living = [row for row in rows if segment.alive[row]]
            mask[living] = True
            if living:
                remaining.discard(value)
    if remaining:
        raise UnavailableError(
            f"{column} {min(remaining)!r} is not in the index", "nothing was removed"
        )


def _relative(manifest: Manifest, path: str) -> str:
    return relative_path(Path(path), Path(manifest.root)) if Path(path).is_absolute() else path


def filler(folder: Path, manifest: Manifest) -> Fill:
    """Return a function that fills the index's kind, trained once and for all, with vectors."""

    def fill(vectors: Vectors, path: Path) -> None:
        index = empty(folder, manifest)
        engine.add(index, vectors)
        engine.write(index, path)

    return fill


def mover(folder: Path, manifest: Manifest, segments: Sequence[Segment]) -> Fill:
    """Return a function that writes the living items' codes as they are, a list at a time.

    segments: trained as one with `manifest`. A graph has no lists: it is made again.
    """
    if not manifest.trained:
        return filler(folder, manifest)

    def move(vectors: Vectors, path: Path) -> None:
        parts = [(segment.searcher.codes, segment.alive) for segment in segments]
        assert sum(int(alive.sum()) for _, alive in parts) == len(vectors)
        write_lists(path, empty(folder, manifest), parts)

    return move


def empty(folder: Path, manifest: Manifest) -> Any:
    """Return an index of the manifest's kind, trained if it needs to be, that holds nothing."""
    if not manifest.trained:
        return engine.make(manifest.plan.kind, manifest.dim)
    return engine.open_trained(folder / manifest.trained, manifest.plan.kind, manifest.dim)


def learnt(
    folder: Path, manifest: Manifest, vectors: Vectors, whitening: Whitening | None
) -> Manifest:
    """Write what all segments will share: the whitening, and the codes, trained now."""
    if whitening is not None:
        save_whitening(whitening, folder / WHITENING)
        facts = Facts.of(folder / WHITENING)
        manifest = replace(manifest, whitening=WHITENING, whitening_facts=facts)
    if engine.training_size(manifest.plan.kind):
        with atomic_path(folder / TRAINED) as temporary:
            engine.write(engine.train(manifest.plan.kind, vectors), temporary)
        facts = Facts.of(folder / TRAINED)
        manifest = replace(manifest, trained=TRAINED, trained_facts=facts)
    return manifest


def share_training(folder: Path, manifest: Manifest, like: Path) -> Manifest:
    """Copy the trained codes and whitening of the index `like`, after checking that they fit."""
    other = read_current(like)
    check_files(like, other, trust_seen=True)
    if (other.dim, other.model.weights_sha256) != (manifest.dim, manifest.model.weights_sha256):
        raise UsageError(f"{like} holds embeddings of another model")
    for name in (other.trained, other.whitening):
        if name:
            shutil.copyfile(like / name, folder / name)
    return replace(
        manifest,
        plan=other.plan,
        trained=other.trained,
        trained_facts=other.trained_facts,
        whitening=other.whitening,
        whitening_facts=other.whitening_facts,
    )
