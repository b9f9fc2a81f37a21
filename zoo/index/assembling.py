"""One index of all the shards that many workers embedded; nobody holds more than one shard.

Codes and whitening are learnt once, from the rows a single machine would have drawn; each shard's
codes are made from its mapped vectors, and their lists, the vectors and the rows go from disk to
disk. The index is the one that a single machine would have made.
"""

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float32

from zoo.cluster import Cluster, connected, mapped
from zoo.embedding.cluster import Division, Job, embed_shards
from zoo.embedding.identity import ModelIdentity, refuse_other_model
from zoo.embedding.rows import ITEMS, Record, Rows, columns_of, levels_of
from zoo.embedding.shards import complete, read_receipt
from zoo.embedding.vector_file import VECTORS, Vectors, map_vectors
from zoo.embedding.vectors import LEARN_ON, unit_rows, whitened, whitening_of
from zoo.embedding.whitening import Whitening, load_whitening
from zoo.errors import DataError, UsageError
from zoo.files import refuse_to_overwrite, staged_folder
from zoo.index import engine
from zoo.index.changes import empty, event, filler, learnt, share_training
from zoo.index.generations import SEGMENTS, publish
from zoo.index.index import Index
from zoo.index.layout import Plan
from zoo.index.lists import write_lists
from zoo.index.manifest import Manifest, SegmentFacts
from zoo.index.segment import write_segment
from zoo.progress import Track, silent

CODES = ".codes"  # folder of the shards' codes, until their lists are together


@dataclass(frozen=True)
class AssembleOptions:
    """How an index is laid out; see `IndexOptions`.

    apart: each shard stays a segment of its own, as `serve --engine ray` spreads them.
    cluster: where codes are made; None: here.
    """

    plan: Plan = field(default_factory=Plan)
    like: Path | None = None
    whiten: bool = False
    whitening_dim: int | None = None
    apart: bool = False
    cluster: Cluster | None = None
    track: Track = silent


class Embedded:
    """A shard on disk, opened when it is looked at."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.receipt = read_receipt(home)
        self.model = ModelIdentity(**self.receipt["model"])
        self.count = int(self.receipt["count"])

    @cached_property
    def vectors(self) -> Vectors:
        """Its unit vectors, mapped."""
        return map_vectors(self.home / VECTORS, self.count, self.receipt["dim"])

    def records(self) -> Iterator[Record]:
        """Read its rows in order, a few thousand at a time."""
        with closing(Rows(self.home / ITEMS, self.receipt["levels"])) as rows:
            for start in range(0, self.count, engine.CHUNK):
                chunk = range(start, min(start + engine.CHUNK, self.count))
                yield from (record for _, record in sorted(rows.records(chunk).items()))


class Records:
    """The records of shards, numbered from `first`, read as they are asked for."""

    def __init__(self, shards: Sequence[Embedded], first: int = 0) -> None:
        self.shards = shards
        self.first = first

    def __len__(self) -> int:
        return sum(shard.count for shard in self.shards)

    def __iter__(self) -> Iterator[Record]:
        found = (record for shard in self.shards for record in shard.records())
        yield from (replace(record, id=n) for n, record in enumerate(found, self.first))


def build_divided(
    out: Path, job: Job, division: Division, options: AssembleOptions = AssembleOptions()
) -> Index:
    """Embed a set in shards beside `out`, and create the index `out` from them.

    A shard that is whole is kept if the work ends early: the same call goes on from there.

    Raises:
        UsageError: `out` exists. RankzooError: of `embed_shards` and `assemble`.
    """
    refuse_to_overwrite(out)
    shards = out.with_name(f".{out.name}.shards")
    embed_shards(shards, job, division, options.track)
    index = assemble(out, shards, options)
    shutil.rmtree(shards)
    return index


def assemble(
    out: Path, embedded: Path, options: AssembleOptions = AssembleOptions(), **settings: Any
) -> Index:
    """Create the index `out` from all the shards in `embedded`.

    settings: fields of `AssembleOptions` by name.

    Raises:
        DataError: a shard is missing, or all are empty. IntegrityError: one is damaged.
        UsageError: they were made with different models, or `out` exists.
    """
    options = replace(options, **settings)
    shards = [Embedded(home) for home in complete(embedded)]
    first = shards[0]
    for shard in shards:
        pair = (f"{first.home} was embedded", str(shard.home))
        refuse_other_model(first.model, shard.model, *pair, "embed all shards with one model")
        if shard.receipt["modality"] != first.receipt["modality"]:
            held = f"{shard.receipt['modality']}, {first.home} {first.receipt['modality']}"
            raise UsageError(f"{shard.home} holds {held}")
    total, shards = len(shards), [shard for shard in shards if shard.count]
    if not shards:
        nothing = f"none of the {total} shards in {embedded} holds an item"
        raise DataError(nothing, f"were there any {first.receipt['modality']}?")
    records = Records(shards)
    with staged_folder(out) as staged:
        (staged / SEGMENTS).mkdir()
        manifest, whitening = _trained(staged, shards, options)
        groups = [[shard] for shard in shards] if options.apart else [shards]
        parts = _encoded(staged, manifest, shards, options)
        segments: list[SegmentFacts] = []
        first_id = 0
        for number, group in enumerate(groups, start=1):
            vectors = (piece for shard in group for piece in _pieces(shard, whitening))
            home = staged / SEGMENTS / f"{number:06d}"
            rows, codes = Records(group, first_id), _codes(staged, manifest, group, parts)
            facts = write_segment(home, vectors, rows, manifest, codes)
            segments, first_id = [*segments, facts], first_id + len(rows)
        shutil.rmtree(staged / CODES, ignore_errors=True)
        done = event("build", added=len(records), shards=total)
        levels, columns = levels_of(records), columns_of(records)
        grown = {"segments": tuple(segments), "levels": levels, "columns": columns}
        publish(staged, manifest.next(done, next_id=len(records), **grown))
    return Index.open(out)


def _trained(
    staged: Path, shards: Sequence[Embedded], options: AssembleOptions
) -> tuple[Manifest, Whitening | None]:
    """Learn whitening and codes, or copy those of `like`; return the manifest to grow."""
    receipt = shards[0].receipt
    start = Manifest(
        shards[0].model,
        receipt["dim"],
        options.plan,
        receipt["modality"],
        receipt["root"] if len({s.receipt["root"] for s in shards}) == 1 else "",
        generation=0,
    )
    if options.like is not None:
        other = Index.open(options.like)
        start = replace(start, dim=other.manifest.dim)
        return share_training(staged, start, options.like), other.whitening
    whiten = options.whiten or options.whitening_dim is not None
    whitening = whitening_of(_drawn(shards, LEARN_ON), options.whitening_dim) if whiten else None
    sample = _as_kept(_drawn(shards, engine.training_size(options.plan.kind)), whitening)
    start = replace(start, dim=sample.shape[1])
    return learnt(staged, start, sample, whitening), whitening


def _drawn(shards: Sequence[Embedded], wanted: int) -> Vectors:
    """Return the rows, in order, that one machine would draw from all (`engine.drawn`)."""
    pick = engine.drawn(sum(shard.count for shard in shards), wanted)
    ends = np.cumsum([shard.count for shard in shards])
    parts = np.split(pick, np.searchsorted(pick, ends[:-1]))
    firsts = [0, *ends[:-1].tolist()]
    found = [s.vectors[p - f] for s, p, f in zip(shards, parts, firsts, strict=True)]
    together: Vectors = np.concatenate(found)
    return together


def _pieces(shard: Embedded, whitening: Whitening | None) -> Iterator[Vectors]:
    for start in range(0, shard.count, engine.CHUNK):
        yield _as_kept(shard.vectors[start : start + engine.CHUNK], whitening)


def _as_kept(rows: Vectors, whitening: Whitening | None) -> Float32[np.ndarray, "item kept"]:
    """Return rows as `Index.from_vectors` keeps them, to the last bit."""
    return whitened(unit_rows(torch.from_numpy(np.array(rows)), "embedding"), whitening)


def encoded(plan: Plan, apart: bool) -> bool:
    """Whether each shard has codes of its own, to be made where it lies."""
    return plan.kind != "Flat" and (apart or engine.training_size(plan.kind) > 0)


def _encoded(
    staged: Path, manifest: Manifest, shards: Sequence[Embedded], options: AssembleOptions
) -> dict[Path, Path]:
    """Make the codes of each shard, here or on the cluster; return which file holds whose.

    A graph has no lists that could be put together: unless shards stay apart, it waits for all.
    """
    if not encoded(manifest.plan, options.apart):
        return {}
    (staged / CODES).mkdir()
    parts = {shard.home: staged.absolute() / CODES / shard.home.name for shard in shards}
    rows = [{"home": str(home), "to": str(to)} for home, to in parts.items()]
    if options.cluster is None:
        encoder = Encoder(staged, manifest)
        for row in options.track(rows, "codes", len(rows)):
            encoder(row)
        return parts
    with connected(options.cluster, "data"):
        done = mapped(rows, Encoder, (staged.absolute(), manifest), options.cluster)
        for _ in options.track(done, "codes", len(rows)):
            pass
    return parts


def _codes(
    staged: Path, manifest: Manifest, shards: Sequence[Embedded], parts: Mapping[Path, Path]
) -> Callable[[Vectors, Path], None]:
    """Return a function that writes the codes of a segment: its shards' lists, put together."""
    if not parts:
        return filler(staged, manifest)

    def write(vectors: Vectors, path: Path) -> None:
        if len(shards) == 1:
            parts[shards[0].home].replace(path)
            return
        kind, dim = manifest.plan.kind, vectors.shape[1]
        lists = [
            (engine.open_part(parts[s.home], kind, dim, s.count), np.ones(s.count, bool))
            for s in shards
        ]
        write_lists(path, empty(staged, manifest), lists)

    return write


class Encoder:
    """A process that makes codes of shards, with what was trained for all."""

    def __init__(self, staged: Path, manifest: Manifest) -> None:
        self.staged = staged
        self.manifest = manifest
        place = manifest.whitening
        self.whitening = load_whitening(staged / place) if place else None

    def __call__(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Write the codes of the shard `home` to the file `to`."""
        codes = empty(self.staged, self.manifest)
        for piece in _pieces(Embedded(Path(row["home"])), self.whitening):
            engine.add(codes, piece)
        engine.write(codes, Path(row["to"]))
        return {"to": row["to"]}
