"""Hierarchies: how many label levels each gallery item shares with each query."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from zoo.ranking.exact import count_at_least
from zoo.ranking.positives import Items, Levels, Scores, items_where
from zoo.ranking.step_sums import step_sums, without_items
from zoo.ranking.steps import SupRankStep


def common_levels(
    query_labels: Int[Tensor, "query level"], gallery_labels: Int[Tensor, "gallery level"]
) -> Levels:
    """Count the equal label columns, 0 (irrelevant) to L (same class): a proper tree is assumed.

    >>> common_levels(torch.tensor([[3, 1]]), torch.tensor([[3, 1], [2, 1], [4, 0]]))
    tensor([[2, 1, 0]], dtype=torch.int8)
    """
    shape = len(query_labels), len(gallery_labels)
    common = torch.zeros(shape, dtype=torch.int8, device=query_labels.device)
    for mine, theirs in zip(query_labels.T, gallery_labels.T, strict=True):
        common += mine[:, None] == theirs
    return common


@dataclass(frozen=True)
class Related:
    """The items that share a level with each query: columns, scores (constants) and levels.

    A rectangle, padded by level 0 and a score of `-inf`. What is exact is counted here: it is as
    wide as the largest group of related items, often a small part of the gallery.
    """

    columns: Int[Tensor, "query related"]
    scores: Float[Tensor, "query related"]
    level: Int[Tensor, "query related"]

    def at(self, level: int) -> Items:
        """List the items that share exactly `level` levels."""
        return self._listed(self.level == level)

    def from_level(self, level: int) -> Items:
        """List the items that share `level` levels or more."""
        return self._listed(self.level >= level)

    def ahead(
        self, which: Bool[Tensor, "query related"], own: Float[Tensor, "query item"]
    ) -> Float[Tensor, "query item"]:
        """Count those of `which` that score at least `own`: itself, and ties, included."""
        return count_at_least(self.scores.masked_fill(~which, -torch.inf), own)

    def _listed(self, which: Bool[Tensor, "query related"]) -> Items:
        places = items_where(which)
        return Items(self.columns.gather(1, places.columns), places.listed)

    def count(self, levels: int) -> Int[Tensor, "query level"]:
        """Count each query's items of each level 1..levels."""
        grades = range(1, levels + 1)
        return torch.stack([(self.level == grade).sum(dim=1) for grade in grades], dim=1)


def related_items(scores: Scores, level: Levels) -> Related:
    """Gather the items at level 1 or above."""
    items = items_where(level > 0)
    own = scores.detach().gather(1, items.columns).masked_fill_(~items.listed, -torch.inf)
    return Related(items.columns, own, level.gather(1, items.columns).where(items.listed, 0))


def sup_ranks(
    scores: Scores, levels: int, related: Related, step: SupRankStep
) -> Iterator[tuple[int, Items, Float[Tensor, "query item"], Float[Tensor, "query item"]]]:
    """Yield `(l, items, rank, own)` for the items of each level l = 1..levels.

    SupRank's rank: an item as relevant as k counts by the exact step, a less relevant one by the
    surrogate. Columns out of the ranking are scored `-inf`.
    """
    for relevance in range(1, levels + 1):
        items = related.at(relevance)
        less_relevant = without_items(scores, related.from_level(relevance))
        ahead, own = step_sums(scores, less_relevant, items, step)
        yield relevance, items, related.ahead(related.level >= relevance, own) + ahead, own
