"""Retrieval metrics: the mean over queries of one value each.

`scores` is (query, gallery), higher is closer; `relevant` marks the relevant items. Queries without
a relevant item are left out of the mean. Ties are broken against the model. To leave an item out of
a ranking (the query itself, in a set searched with its own images), give it score -inf and mark it
irrelevant: `leave_out` does both, by id and never by column. A score that is NaN is a `DataError`.
"""

from collections.abc import Callable

import torch
from jaxtyping import Bool, Float64, Int64
from torch import Tensor

from zoo.metrics import per_query
from zoo.metrics.graded import asi_per_query, h_ap_per_query, ndcg_per_query
from zoo.metrics.per_query import Denominator
from zoo.metrics.ranks import positive_ranks
from zoo.ranking.numbers import check_numbers
from zoo.ranking.positives import Levels, Scores

Relevant = Bool[Tensor, "query gallery"]
Mean = Float64[Tensor, ""]


def leave_out(
    scores: Scores,
    relevant: Relevant,
    query_ids: Int64[Tensor, " query"],
    gallery_ids: Int64[Tensor, " gallery"],
) -> tuple[Scores, Relevant]:
    """Take every query's own image out of its ranking, wherever it stands.

    Raises:
        DataError: a score is NaN.

    >>> scores, relevant = torch.tensor([[0.9, 1.0]]), torch.tensor([[True, True]])
    >>> leave_out(scores, relevant, torch.tensor([7]), torch.tensor([7, 8]))
    (tensor([[-inf, 1.]]), tensor([[False,  True]]))
    """
    check_numbers(scores=scores)
    itself = query_ids[:, None] == gallery_ids
    return scores.masked_fill(itself, -torch.inf), relevant & ~itself


def recall_at_k(scores: Scores, relevant: Relevant, k: int = 1) -> Mean:
    """Return the share of queries with a relevant item among their first `k` items (CMC at k).

    >>> recall_at_k(torch.tensor([[0.9, 0.8]]), torch.tensor([[False, True]]), k=2)
    tensor(1., dtype=torch.float64)
    """
    return _mean(scores, relevant, lambda ranks: per_query.hit_at_k(ranks, k))


def precision_at_k(scores: Scores, relevant: Relevant, k: int = 1) -> Mean:
    """Return the mean share of relevant items among the first `k` items."""
    return _mean(scores, relevant, lambda ranks: per_query.precision_at_k(ranks, k))


def mean_average_precision(
    scores: Scores, relevant: Relevant, k: int | None = None, denominator: Denominator = "min(R, k)"
) -> Mean:
    """Return mAP, over the whole gallery or cut at `k` (see `per_query.average_precision`).

    >>> relevant = torch.tensor([[True, False, True]])
    >>> mean_average_precision(torch.tensor([[0.9, 0.8, 0.7]]), relevant)
    tensor(0.8333, dtype=torch.float64)
    """
    return _mean(scores, relevant, lambda r: per_query.average_precision(r, k, denominator))


def map_at_r(scores: Scores, relevant: Relevant) -> Mean:
    """Return mAP@R: AP over the first R items, divided by R (Musgrave et al., ECCV 2020)."""
    return _mean(scores, relevant, per_query.average_precision_at_r)


def r_precision(scores: Scores, relevant: Relevant) -> Mean:
    """Return the mean share of relevant items among the first R items."""
    return _mean(scores, relevant, per_query.r_precision)


def mean_reciprocal_rank(scores: Scores, relevant: Relevant) -> Mean:
    """Return the mean of 1 / rank of the first relevant item."""
    return _mean(scores, relevant, per_query.reciprocal_rank)


def median_rank(scores: Scores, relevant: Relevant) -> Mean:
    """Return the median rank of the first relevant item (1 = best)."""
    return median_of(per_query.first_rank(positive_ranks(scores, relevant)))


def mean_rank(scores: Scores, relevant: Relevant) -> Mean:
    """Return the mean rank of the first relevant item (1 = best)."""
    return _mean(scores, relevant, per_query.first_rank)


def ndcg(scores: Scores, levels: Levels, k: int | None = None) -> Mean:
    """Return NDCG with gain 2^level - 1, where `levels` counts the shared label levels."""
    return per_query.mean_of(ndcg_per_query(scores, levels, k))


def h_ap(scores: Scores, levels: Levels, depth: int | None = None, alpha: float = 1.0) -> Mean:
    """Return hierarchical AP; `depth` is the number of label levels (default: the largest seen)."""
    return per_query.mean_of(h_ap_per_query(scores, levels, _depth(levels, depth), alpha))


def asi(scores: Scores, levels: Levels, depth: int | None = None) -> Mean:
    """Return the average set intersection; `depth` as for `h_ap`."""
    return per_query.mean_of(asi_per_query(scores, levels, _depth(levels, depth)))


def median_of(values: Float64[Tensor, " query"]) -> Mean:
    """Return the median over queries that have a value, the mean of the middle two when even."""
    return values.nanquantile(0.5)


def _mean(scores: Scores, relevant: Relevant, metric: Callable[[Tensor], Tensor]) -> Mean:
    return per_query.mean_of(metric(positive_ranks(scores, relevant)))


def _depth(levels: Levels, depth: int | None) -> int:
    return depth if depth is not None else max(1, int(levels.max()))
