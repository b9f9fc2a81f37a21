"""Search results as a page with images."""

from collections.abc import Sequence
from pathlib import Path

from markupsafe import Markup

from zoo.data.images import open_image
from zoo.errors import DataError
from zoo.report import Shown, page, paragraph, ranking, rankings, section, table
from zoo.search.hits import Hit
from zoo.search.queries import Query


def results_page(folder: Path, queries: Sequence[Query], found: Sequence[Sequence[Hit]]) -> str:
    """Return a self-contained HTML page: every query with its hits in order."""
    blocks = [_section(query, hits) for query, hits in zip(queries, found, strict=True)]
    lead = f"{len(queries)} {'query' if len(queries) == 1 else 'queries'} to {folder}"
    return page("Search results", lead, *blocks)


def _section(query: Query, hits: Sequence[Hit]) -> Markup:
    shown = [Shown(hit.path, _caption(hit)) for hit in hits if readable(hit.path)]
    missing = [hit for hit in hits if not readable(hit.path)]
    asked = None if query.path is None else Shown(query.path)
    rows = [ranking("", asked, shown)] if shown else []
    listed: list[list[str | int | float]] = [
        [hit.rank, hit.score, hit.label, hit.record.caption, str(hit.path)] for hit in hits
    ]
    notes = [paragraph(f"Missing or unreadable images: {len(missing)}.")] if missing else []
    return section(
        query.text,
        *([rankings(rows)] if rows else []),
        *notes,
        table(["rank", "score", "label", "caption", "path"], listed),
    )


def readable(path: Path) -> bool:
    """Whether an image is still there and whole."""
    try:
        open_image(path, 64)
    except (DataError, OSError):
        return False
    return True


def _caption(hit: Hit) -> str:
    return f"{hit.rank}. {hit.label or hit.record.caption or hit.path.name} {hit.score:.3f}"
