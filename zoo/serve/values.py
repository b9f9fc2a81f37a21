"""Which values a column has: what a page offers as filters."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing

from zoo.embedding.rows import ITEMS
from zoo.errors import IntegrityError
from zoo.index.segment import Segment
from zoo.serve.answers import Plain, plain

OFFERED = 50
CONSIDERED = 1_000  # of each segment


def frequent_values(segments: Sequence[Segment], column: str) -> dict[Plain, int]:
    """Return the most frequent values of a column with their counts, the most frequent first.

    Removed items still count until the index is compacted. A connection of its own is used:
    reading a million rows takes a while, and hits are looked up on the other one.
    """
    counts: dict[Plain, int] = {}
    for segment in segments:
        if column in (*segment.rows.levels, *segment.rows.columns) and '"' not in column:
            for value, count in _counted(segment, column):
                counts[value] = counts.get(value, 0) + count
    ordered = sorted(counts.items(), key=lambda pair: (-pair[1], str(pair[0])))
    return dict(ordered[:OFFERED])


def _counted(segment: Segment, column: str) -> list[tuple[Plain, int]]:
    address = f"{(segment.home / ITEMS).absolute().as_uri()}?mode=ro&immutable=1"
    statement = (
        f'SELECT "{column}", count(*) FROM items WHERE "{column}" IS NOT NULL '
        f"GROUP BY 1 ORDER BY 2 DESC LIMIT {CONSIDERED}"
    )
    try:
        with closing(sqlite3.connect(address, uri=True)) as connection:
            rows = connection.execute(statement)
            return [(plain(segment.rows.value(column, value)), count) for value, count in rows]
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
        raise IntegrityError(f"{segment.home / ITEMS}: {error}") from error
