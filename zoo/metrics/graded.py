"""One value per query for graded relevance: how many label levels an item shares with the query."""

import torch
from jaxtyping import Bool, Float64
from torch import Tensor

from zoo.device import with_doubles
from zoo.ranking.numbers import check_numbers
from zoo.ranking.positives import Levels, Scores

Values = Float64[Tensor, " query"]


def at_level(
    scores: Scores, levels: Levels, wanted: int
) -> tuple[Scores, Bool[Tensor, "query gallery"]]:
    """Return scores and binary relevance of one level, to be given to any binary metric.

    Items that share more levels than `wanted` leave the ranking, items that share exactly
    `wanted` are relevant (AP of a level: Ramzi et al., HAPPIER, ECCV 2022).

    Raises:
        DataError: a score is NaN.
    """
    check_numbers(scores=scores)
    return scores.masked_fill(levels > wanted, -torch.inf), levels == wanted


def ndcg_per_query(scores: Scores, levels: Levels, k: int | None = None) -> Values:
    """Return NDCG with gain 2^level - 1 and discount log2(1 + rank), over the first `k` items."""
    scores, levels = with_doubles(scores, levels)
    gains = torch.exp2(ranked_levels(scores, levels).double()) - 1
    ideal = torch.exp2(levels.sort(dim=1, descending=True).values.double()) - 1
    ranks = torch.arange(1, scores.shape[1] + 1, dtype=torch.float64, device=scores.device)
    discount = torch.log2(1 + ranks).reciprocal()
    if k is not None:
        discount[k:] = 0
    best = ideal @ discount
    return gains @ discount / best.masked_fill(best == 0, torch.nan)


def h_ap_per_query(scores: Scores, levels: Levels, depth: int, alpha: float = 1.0) -> Values:
    """Return hierarchical AP, H-AP (Ramzi et al., HAPPIER, ECCV 2022, eq. 3-5).

    The relevance of an item of level l is (l / depth)^alpha / |items of exactly that level|;
    H-rank(k) = rel(k) + sum over items j before k of min(rel(j), rel(k));
    H-AP = sum over k of H-rank(k) / rank(k), divided by sum over k of rel(k).
    With `depth` 1 it is AP.
    """
    scores, levels = with_doubles(scores, levels)
    ordered = ranked_levels(scores, levels)
    ranks = torch.arange(1, scores.shape[1] + 1, dtype=torch.float64, device=scores.device)
    worth = _relevance_of_levels(levels, depth, alpha)  # (query, level 1 .. depth)
    counts = [(ordered == level).cumsum(dim=1) for level in range(1, depth + 1)]
    total = torch.zeros_like(worth[:, 0])
    for level, mine in enumerate(worth.T, start=1):
        smaller = [torch.minimum(other, mine) for other in worth.T]
        reached = sum(n * w[:, None] for n, w in zip(counts, smaller, strict=True))
        total += (reached / ranks * (ordered == level)).sum(dim=1)
    sizes = torch.stack([(levels == n).sum(dim=1) for n in range(1, depth + 1)], dim=1)
    best = (worth * sizes).sum(dim=1)
    return total / best.masked_fill(best == 0, torch.nan)


def asi_per_query(scores: Scores, levels: Levels, depth: int) -> Values:
    """Return the average set intersection (Sun et al., DyML, CVPR 2021).

    At each cut n = 1 .. R, where R items share some level: the overlap, level by level, of the
    first n items with the n best possible ones, divided by n; then the mean over n.
    """
    scores, levels = with_doubles(scores, levels)
    ordered = ranked_levels(scores, levels)
    ideal = levels.sort(dim=1, descending=True).values
    overlap = torch.zeros_like(ordered, dtype=torch.int64)
    for level in range(1, depth + 1):
        got, best = (ordered == level).cumsum(dim=1), (ideal == level).cumsum(dim=1)
        overlap += torch.minimum(got, best)
    cuts = torch.arange(1, scores.shape[1] + 1, dtype=torch.float64, device=scores.device)
    count = (levels > 0).sum(dim=1)
    total = (overlap / cuts * (cuts <= count[:, None])).sum(dim=1)
    return total / count.double().masked_fill(count == 0, torch.nan)


def ranked_levels(scores: Scores, levels: Levels) -> Levels:
    """Return each query's levels from its best to its worst item; ties put the lowest first.

    Raises:
        DataError: a score is NaN.
    """
    check_numbers(scores=scores)
    by_level = levels.argsort(dim=1, stable=True)
    by_score = scores.gather(1, by_level).argsort(dim=1, descending=True, stable=True)
    return levels.gather(1, by_level.gather(1, by_score))


def _relevance_of_levels(
    levels: Levels, depth: int, alpha: float
) -> Float64[Tensor, "query level"]:
    columns = []
    for level in range(1, depth + 1):
        size = (levels == level).sum(dim=1).double()
        columns.append((level / depth) ** alpha / size.clamp(min=1))
    return torch.stack(columns, dim=1)
