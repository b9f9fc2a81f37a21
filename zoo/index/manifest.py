"""What one generation of an index consists of; the content of its `generation-*.json`."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from zoo.embedding.identity import ModelIdentity
from zoo.errors import IntegrityError
from zoo.files import Facts, typed
from zoo.index.layout import Plan

FORMAT = 1
WIDTH = 4  # bytes of a float32
MODALITIES = ("images", "captions")
_SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class SegmentFacts:
    """A batch of vectors added together; its files never change, only its `removed` bitmap does.

    files: path inside the index folder -> facts.
    removed: path of the tombstone bitmap, or empty; `removed_count` of its bits are set.
    """

    name: str
    count: int
    files: Mapping[str, Facts]
    removed: str = ""
    removed_count: int = 0

    @property
    def size(self) -> int:
        """How many bytes its files have."""
        return sum(facts.size for facts in self.files.values())

    @property
    def alive_count(self) -> int:
        """How many of its vectors can still be found."""
        return self.count - self.removed_count


@dataclass(frozen=True)
class Manifest:
    """Everything about one generation.

    root: folder that the items' relative paths start from.
    levels, columns: names of the label levels and of the other metadata columns.
    next_id: the id the next item gets; ids are never used twice.
    trained: path of the trained, empty faiss index that every segment's codes share, or empty.
    whitening: path of the whitening every vector went through, and every query will, or empty.
    tuning: the table measured by the tuner, one row per candidate.
    history: what was done, oldest first.
    """

    model: ModelIdentity
    dim: int
    plan: Plan
    modality: str = "images"
    root: str = ""
    levels: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    generation: int = 1
    next_id: int = 0
    segments: tuple[SegmentFacts, ...] = ()
    trained: str = ""
    trained_facts: Facts | None = None
    whitening: str = ""
    whitening_facts: Facts | None = None
    tuning: tuple[Mapping[str, Any], ...] = ()
    history: tuple[Mapping[str, Any], ...] = ()

    @property
    def count(self) -> int:
        """How many items can be found."""
        return sum(segment.alive_count for segment in self.segments)

    @property
    def files(self) -> dict[str, Facts]:
        """Every file of this generation."""
        found = {name: facts for segment in self.segments for name, facts in segment.files.items()}
        if self.trained_facts is not None:
            found[self.trained] = self.trained_facts
        if self.whitening_facts is not None:
            found[self.whitening] = self.whitening_facts
        return found

    def next(self, event: Mapping[str, Any], **changes: Any) -> "Manifest":
        """Return the following generation, with `event` at the end of its history."""
        history = (*self.history, event)
        return replace(self, generation=self.generation + 1, history=history, **changes)

    def describe(self) -> dict[str, Any]:
        """Return counts, sizes, model, plan and history as plain values."""
        return {
            "count": self.count,
            "dim": self.dim,
            "whitened": bool(self.whitening),
            "kind": self.plan.kind,
            "plan": str(self.plan),
            "modality": self.modality,
            "model": self.model.name,
            "weights_sha256": self.model.weights_sha256,
            "root": self.root,
            "levels": list(self.levels),
            "columns": list(self.columns),
            "generation": self.generation,
            "segments": len(self.segments),
            "removed": sum(segment.removed_count for segment in self.segments),
            "bytes": sum(facts.size for facts in self.files.values()),
            "tuning": [dict(row) for row in self.tuning],
            "history": [dict(event) for event in self.history],
        }

    def to_json(self) -> dict[str, Any]:
        """Return plain values for a JSON file."""
        fixed = {"format": FORMAT, "metric": "inner product", "normalised": True}
        return {**fixed, "count": self.count, **asdict(self)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any], where: Path) -> "Manifest":
        """Read what `to_json` wrote, strictly.

        Raises:
            IntegrityError: it is something else, or names a file outside the index.
        """
        if value.get("format") != FORMAT:
            raise IntegrityError(
                f"{where} is of format {value.get('format')!r}, not {FORMAT}",
                "open it with the rankzoo that wrote it",
            )
        fixed = ("format", "metric", "normalised", "count")
        fields = {key: entry for key, entry in value.items() if key not in fixed}
        manifest = typed(cls, fields, where)
        manifest._check(where, value.get("count"))
        return manifest

    def _check(self, where: Path, count: Any) -> None:
        names = [*self.files, *(segment.name for segment in self.segments)]
        unsafe = [name for name in names if not _SAFE_NAME.fullmatch(name)]
        hashes = [facts.sha256 for facts in self.files.values()]
        sound = (
            not unsafe
            and all(_SHA256.fullmatch(text) for text in hashes)
            and self.modality in MODALITIES
            and self.dim > 0
            and count == self.count
            and all(s.count * self.dim * WIDTH <= s.size for s in self.segments)
            and all(0 <= s.removed_count <= s.count for s in self.segments)
            and all(not s.removed or s.removed in s.files for s in self.segments)
        )
        if not sound:
            raise IntegrityError(f"{where} contradicts itself{f': {unsafe[0]}' if unsafe else ''}")
