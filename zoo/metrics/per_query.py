"""One value per query, from the ranks of its relevant items (see `zoo.metrics.ranks`).

`ranks` is (query, positive), ascending, padded with infinity; a query without any relevant item
has only padding, gets NaN everywhere, and is left out of every mean. A rank that is NaN is a
`DataError`.
"""

from typing import Literal

import torch
from jaxtyping import Float64
from torch import Tensor

from zoo.ranking.numbers import check_numbers

Ranks = Float64[Tensor, "query positive"]
Values = Float64[Tensor, " query"]
Denominator = Literal["min(R, k)", "R"]


def positives(ranks: Ranks) -> Values:
    """Return how many relevant items each query has: R; NaN when it has none."""
    check_numbers(ranks=ranks)
    count = ranks.isfinite().sum(dim=1).double()
    return count.masked_fill(count == 0, torch.nan)


def first_rank(ranks: Ranks) -> Values:
    """Return the rank of the best relevant item."""
    check_numbers(ranks=ranks)
    if ranks.shape[1] == 0:
        return torch.full((len(ranks),), torch.nan, dtype=torch.float64, device=ranks.device)
    return ranks[:, 0].masked_fill(ranks[:, 0].isinf(), torch.nan)


def hit_at_k(ranks: Ranks, k: int) -> Values:
    """Return 1 where a relevant item is among the first `k`, else 0 (Recall@k, CMC)."""
    first = first_rank(ranks)
    return (first <= k).double().masked_fill(first.isnan(), torch.nan)


def precision_at_k(ranks: Ranks, k: int) -> Values:
    """Return the share of relevant items among the first `k`."""
    return _or_nan((ranks <= k).sum(dim=1).double() / k, ranks)


def average_precision(
    ranks: Ranks, k: int | None = None, denominator: Denominator = "min(R, k)"
) -> Values:
    """Return AP = sum over relevant items i of rank+(i) / rank(i), divided by how many there are.

    With `k`, only items ranked in the first `k` count; the sum is divided by min(R, k) (Google
    Landmarks v2) or by R, two conventions whose numbers must not be compared.
    """
    order = torch.arange(1, ranks.shape[1] + 1, dtype=torch.float64, device=ranks.device)
    count = positives(ranks)
    if k is None:
        return (order / ranks).sum(dim=1) / count
    total = (order / ranks).masked_fill(ranks > k, 0.0).sum(dim=1)
    return total / (count.clamp(max=k) if denominator == "min(R, k)" else count)


def average_precision_at_r(ranks: Ranks) -> Values:
    """Return AP over the first R items, divided by R (MAP@R: Musgrave et al., ECCV 2020)."""
    order = torch.arange(1, ranks.shape[1] + 1, dtype=torch.float64, device=ranks.device)
    count = positives(ranks)
    return (order / ranks).masked_fill(ranks > count[:, None], 0.0).sum(dim=1) / count


def r_precision(ranks: Ranks) -> Values:
    """Return the share of relevant items among the first R."""
    count = positives(ranks)
    return (ranks <= count[:, None]).sum(dim=1) / count


def reciprocal_rank(ranks: Ranks) -> Values:
    """Return 1 / rank of the best relevant item."""
    return first_rank(ranks).reciprocal()


def mean_of(values: Values) -> Float64[Tensor, ""]:
    """Return the mean over the queries that have a relevant item (NaN when none has)."""
    return values.nanmean()


def _or_nan(values: Values, ranks: Ranks) -> Values:
    check_numbers(ranks=ranks)
    return values.masked_fill(~ranks.isfinite().any(dim=1), torch.nan)
