"""Whether label levels are a tree, as all that counts the levels of two images takes them to be."""

import logging
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from zoo.data.dataset import ImageDataset

logger = logging.getLogger("rankzoo")


@dataclass(frozen=True)
class Crossing:
    """Names of a level that stand under several of the next coarser one: how many, and the first.

    `parents` are those of `name`. Two images of it share fewer levels than their class says.
    """

    level: str
    coarser: str
    count: int
    name: str
    parents: tuple[str, ...]

    def __str__(self) -> str:
        """Say it in one line."""
        named = f"{self.name!r} in {' and '.join(map(repr, self.parents[:2]))}"
        return f"{self.count} of {self.level} in several of {self.coarser}, such as {named}"


def crossings(labels: Iterable[Sequence[str]], levels: Sequence[str]) -> tuple[Crossing, ...]:
    """Return a crossing for each level, finest first, whose names are no branches of the next.

    >>> [str(c) for c in crossings([("oak", "tree"), ("oak", "wood")], ("label", "group"))]
    ["1 of label in several of group, such as 'oak' in 'tree' and 'wood'"]
    """
    parents: list[dict[str, set[str]]] = [defaultdict(set) for _ in levels[1:]]
    for names in set(map(tuple, labels)):
        for found, (name, parent) in zip(parents, pairwise(names), strict=True):
            found[name].add(parent)
    return tuple(
        Crossing(level, coarser, len(several), (first := min(several)), tuple(sorted(found[first])))
        for level, coarser, found in zip(levels, levels[1:], parents, strict=False)
        if (several := [name for name, above in found.items() if len(above) > 1])
    )


def say_crossings(dataset: ImageDataset, levels: int) -> None:
    """Warn where the finest `levels` of the data are no tree."""
    labels = (item.labels[:levels] for item in dataset.items)
    for found in crossings(labels, dataset.levels[:levels]):
        logger.warning(
            "%s: label levels are no tree: %s; losses and metrics on levels (H-AP, NDCG, ASI) "
            "count those that two images share, so images of one class may count as less related",
            *(dataset.place, found),
        )
