"""What a search returns."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.embedding.rows import Record
from zoo.errors import DataError

DRAWN = 24  # hits shown with an image in a notebook, each a WebP of a few kB
SIDE = 96  # pixels of such an image at most


@dataclass(frozen=True)
class Hit:
    """One found item; rank 1 is the best, and hits are in the order of their scores.

    score: the inner product of two unit vectors; after re-ranking 1 - the re-ranked distance, and
    `cosine` then keeps the inner product. path: where the image was when it was indexed.
    """

    rank: int
    score: float
    path: Path
    record: Record
    cosine: float | None = None

    def _repr_html_(self) -> str:
        return Hits([self])._repr_html_()

    @property
    def label(self) -> str:
        """Its finest label, or an empty text."""
        return next(iter(self.record.labels.values()), "")

    @property
    def similarity(self) -> float:
        """The inner product of query and item, whatever ordered the hits."""
        return self.score if self.cosine is None else self.cosine

    def to_json(self) -> dict[str, Any]:
        """Return plain values: rank, path, score, id, then labels, caption and other columns."""
        fixed = {"rank": self.rank, "path": str(self.path), "score": self.score}
        similarity = {} if self.cosine is None else {"similarity": self.cosine}
        caption = {"caption": self.record.caption} if self.record.caption else {}
        own = {"id": self.record.id, **self.record.labels, **caption}
        return {**self.record.extra, **own, **similarity, **fixed}


class Hits(list[Hit]):
    """The hits of one query, best first; a notebook shows them with their images."""

    def _repr_html_(self) -> str:
        """Return HTML without a script or anything to fetch; every text is escaped."""
        from zoo.report.html import block

        return block("hits", [_shown(hit) for hit in self[:DRAWN]], len(self) - DRAWN)


def ranked(found: Sequence[tuple[float, Record]], root: Path) -> Hits:
    """Order scored records, best first, older items first among equals."""
    best = sorted(found, key=lambda pair: (-pair[0], pair[1].id))
    return Hits(
        Hit(rank, score, root / record.path, record)
        for rank, (score, record) in enumerate(best, start=1)
    )


def _shown(hit: Hit) -> dict[str, Any]:
    """Return what a notebook shows of a hit; no source where the image is missing or unreadable."""
    from zoo.report.images import thumbnail

    name = hit.label or hit.record.caption or hit.path.name
    try:
        source = thumbnail(hit.path, SIDE)
    except (DataError, OSError):
        source = ""
    return {"rank": hit.rank, "score": f"{hit.score:.3f}", "name": name, "source": source}
