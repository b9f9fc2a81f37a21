"""Near-duplicates: items so alike that they form one group."""

from collections import defaultdict
from collections.abc import Iterator

import numpy as np
import torch

from zoo.errors import UsageError
from zoo.index.changes import living_vectors
from zoo.index.index import Index
from zoo.progress import Track, silent
from zoo.search.hits import Hit

NEIGHBOURS = 32  # each item is compared with so many; larger groups hang together through others


def duplicates(index: Index, threshold: float, track: Track = silent) -> list[list[Hit]]:
    """Return groups of items linked by similarities of at least `threshold`, largest first.

    Inside a group, rank 1 is the oldest item, and `score` is the similarity to the nearest other.

    Raises:
        UsageError: the threshold is no cosine.
    """
    if not -1 <= threshold <= 1:
        raise UsageError(f"--threshold {threshold} is no cosine", "give a number such as 0.95")
    parent: dict[int, int] = {}
    nearest: dict[int, float] = {}
    records: dict[int, Hit] = {}
    for own, hits in _neighbourhoods(index, track):
        for hit in hits:
            other = hit.record.id
            if other == own or hit.score < threshold:
                continue
            records.setdefault(other, hit)
            for item in (own, other):
                nearest[item] = max(nearest.get(item, -1.0), hit.score)
            low, high = sorted((_root(parent, own), _root(parent, other)))
            parent[high] = low
    return _groups(parent, nearest, records)


def _groups(
    parent: dict[int, int], nearest: dict[int, float], records: dict[int, Hit]
) -> list[list[Hit]]:
    members: dict[int, list[int]] = defaultdict(list)
    for item in sorted(nearest):
        members[_root(parent, item)].append(item)
    ordered = sorted(members.values(), key=lambda group: (-len(group), group[0]))
    return [
        [
            Hit(rank, nearest[item], records[item].path, records[item].record)
            for rank, item in enumerate(group, start=1)
            if item in records
        ]
        for group in ordered
    ]


def _neighbourhoods(index: Index, track: Track) -> Iterator[tuple[int, list[Hit]]]:
    """Yield every living item's id with its nearest items."""
    for segment in track(index.segments, "compare", len(index.segments)):
        alive = np.flatnonzero(segment.alive).tolist()
        ids = [record.id for _, record in sorted(segment.rows.records(alive).items())]
        start = 0
        for piece in living_vectors([segment]):
            found = index.search(torch.from_numpy(piece), NEIGHBOURS, prepared=True)
            yield from zip(ids[start : start + len(piece)], found, strict=True)
            start += len(piece)


def _root(parent: dict[int, int], item: int) -> int:
    """The representative of an item's group; paths are halved on the way."""
    while parent.get(item, item) != item:
        parent[item] = parent.get(parent[item], parent[item])
        item = parent[item]
    return item
