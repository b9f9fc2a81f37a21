"""Rank correlation of two lists, for sorters and regression."""

import torch
from jaxtyping import Float, Float64
from torch import Tensor

from zoo.device import with_doubles
from zoo.ranking.numbers import check_numbers

ROWS = 1024  # rows of Kendall's pair table at once: 1024 x 100,000 pairs are 100 MB a sign


def spearman(x: Float[Tensor, " item"], y: Float[Tensor, " item"]) -> Float64[Tensor, ""]:
    """Return Spearman's rho: the Pearson correlation of the ranks, ties sharing their mean rank.

    NaN when a list is constant.

    Raises:
        DataError: a value is NaN.

    >>> spearman(torch.tensor([1.0, 2.0, 3.0]), torch.tensor([10.0, 30.0, 20.0]))
    tensor(0.5000, dtype=torch.float64)
    """
    check_numbers(x=x, y=y)
    a, b = (mean_ranks(v) - (len(v) + 1) / 2 for v in (x, y))
    return (a @ b) / (a.square().sum() * b.square().sum()).sqrt()


def kendall(x: Float[Tensor, " item"], y: Float[Tensor, " item"]) -> Float64[Tensor, ""]:
    """Return Kendall's tau-b: concordant less discordant pairs, corrected for ties.

    Raises:
        DataError: a value is NaN.

    >>> kendall(torch.tensor([1.0, 2.0, 3.0]), torch.tensor([10.0, 30.0, 20.0]))
    tensor(0.3333, dtype=torch.float64)
    """
    check_numbers(x=x, y=y)
    x, y = mean_ranks(x), mean_ranks(y)  # two infinities are a tie, and have no difference
    agreement = x_pairs = y_pairs = torch.zeros((), dtype=torch.float64)
    for low in range(0, len(x), ROWS):
        a = (x[low : low + ROWS, None] - x).sign()
        b = (y[low : low + ROWS, None] - y).sign()
        agreement = agreement + (a * b).sum()
        x_pairs, y_pairs = x_pairs + a.abs().sum(), y_pairs + b.abs().sum()
    return agreement / (x_pairs * y_pairs).sqrt()


def mean_ranks(values: Float[Tensor, " item"]) -> Float64[Tensor, " item"]:
    """Return ascending ranks from 1, equal values sharing the mean of their ranks.

    Raises:
        DataError: a value is NaN.
    """
    check_numbers(values=values)
    (values,) = with_doubles(values)
    _, group, sizes = torch.unique(values, return_inverse=True, return_counts=True)
    last = sizes.cumsum(0).double()
    means: Tensor = last - (sizes - 1) / 2
    return means[group]
