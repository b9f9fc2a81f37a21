"""Hierarchies: how many label levels each gallery item shares with each query."""

from collections.abc import Iterator

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from zoo.ranking.exact import count_at_least
from zoo.ranking.positives import Items
from zoo.ranking.step_sums import step_sums
from zoo.ranking.steps import SupRankStep


def common_levels(
    query_labels: Int[Tensor, "query level"], gallery_labels: Int[Tensor, "gallery level"]
) -> Int[Tensor, "query gallery"]:
    """Count the equal label columns, 0 (irrelevant) to L (same class): a proper tree is assumed.

    >>> common_levels(torch.tensor([[3, 1]]), torch.tensor([[3, 1], [2, 1], [4, 0]]))
    tensor([[2, 1, 0]])
    """
    common = torch.zeros(
        len(query_labels), len(gallery_labels), dtype=torch.long, device=query_labels.device
    )
    for mine, theirs in zip(query_labels.T, gallery_labels.T, strict=True):
        common += mine[:, None] == theirs
    return common


def items_where(mask: Bool[Tensor, "query gallery"]) -> Items:
    """List the true columns of each row."""
    width = max(1, int(mask.sum(dim=1).max()))
    columns = (~mask).to(torch.uint8).argsort(dim=1, stable=True)[:, :width]
    listed = mask.gather(1, columns)
    return Items(columns.where(listed, columns[:, :1]), listed)


def sup_ranks(
    scores: Float[Tensor, "query gallery"],
    level: Int[Tensor, "query gallery"],
    levels: int,
    step: SupRankStep,
) -> Iterator[tuple[int, Items, Float[Tensor, "query item"], Float[Tensor, "query item"]]]:
    """Yield `(l, items, rank, own)` for the items of each level l = 1..levels.

    SupRank's rank: an item as relevant as k counts by the exact step, a less relevant one by the
    surrogate. Columns out of the ranking are scored `-inf` and have a negative level.
    """
    for relevance in range(1, levels + 1):
        items = items_where(level == relevance)
        as_good = level >= relevance
        less_relevant = scores.detach().masked_fill(as_good, -torch.inf)
        ahead, own = step_sums(scores, less_relevant, items, step)
        exact = count_at_least(scores.detach().masked_fill(~as_good, -torch.inf), own)
        yield relevance, items, exact + ahead, own
