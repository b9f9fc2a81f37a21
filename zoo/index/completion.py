"""What an addition is silent about stays as the index knows it."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from zoo.embedding.rows import Record, columns_of, levels_of
from zoo.index.manifest import Manifest

LOG = logging.getLogger("rankzoo")


def completed(
    records: Sequence[Record], before: Sequence[Record | None], manifest: Manifest
) -> list[Record]:
    """Return records with what none of them says, as the index knew it `before`, and say so.

    A flat folder has no labels and a folder no columns: that is no word against those that an
    index has. Where one record names a level or a column, an empty one of another is meant.
    """
    said = {*levels_of(records), *columns_of(records)}
    if any(record.caption for record in records):
        said.add("caption")
    found = [
        record if known is None else _filled(record, known, said)
        for record, known in zip(records, before, strict=True)
    ]
    captions = ["caption"] if any(known and known.caption for known in before) else []
    names = (*manifest.levels, *captions, *manifest.columns)
    unsaid = [name for name in names if name not in said]
    kept = sum(record is not asked for record, asked in zip(found, records, strict=True))
    new = sum(known is None for known in before)
    if unsaid and kept + new:
        facts = (f"{kept} known items keep theirs", f"{new} new ones have none")
        told = " and ".join(fact for fact, many in zip(facts, (kept, new), strict=True) if many)
        LOG.warning("what is added does not say %s: %s", ", ".join(unsaid), told)
    return found


def _filled(record: Record, known: Record, said: set[str]) -> Record:
    labels, extra = _rest(known.labels, said), _rest(known.extra, said)
    caption = "" if "caption" in said else known.caption
    if not (labels or extra or caption):
        return record
    return replace(
        record,
        caption=record.caption or caption,
        labels={**record.labels, **labels},
        extra={**record.extra, **extra},
    )


def _rest(facts: Mapping[str, Any], said: set[str]) -> dict[str, Any]:
    return {name: value for name, value in facts.items() if name not in said}
