"""How sure a mean over queries is, and whether two models differ on the same queries."""

from dataclasses import dataclass

import torch
from jaxtyping import Float64
from torch import Generator, Tensor

Values = Float64[Tensor, " query"]
CELLS = 2**24  # resampled values at once: 128 MB


@dataclass(frozen=True)
class Interval:
    """A mean with the bounds of its confidence interval."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class Difference(Interval):
    """The mean of b - a over shared queries, its interval, and the probability of chance."""

    p_value: float


def bootstrap_mean(
    values: Values, generator: Generator, draws: int = 1000, confidence: float = 0.95
) -> Interval:
    """Return the percentile bootstrap interval of a mean over queries (NaN values left out).

    Queries are drawn with replacement `draws` times; the bounds are quantiles of the means.
    """
    present = values[~values.isnan()]
    if not len(present):
        return Interval(float("nan"), float("nan"), float("nan"))
    means = []
    for size in _portions(draws, len(present)):
        picks = torch.randint(len(present), (size, len(present)), generator=generator)
        means.append(present[picks].mean(dim=1))
    tail = (1 - confidence) / 2
    low, high = torch.cat(means).quantile(torch.tensor([tail, 1 - tail]).double()).tolist()
    return Interval(float(present.mean()), low, high)


def paired_difference(
    a: Values, b: Values, generator: Generator, draws: int = 1000, confidence: float = 0.95
) -> Difference:
    """Return how much better `b` is than `a`, query by query, and how likely chance explains it.

    The p-value is two-sided, from the sign-flip permutation test: under the null hypothesis each
    query's difference is as likely to have the other sign.

    Raises:
        ValueError: the two do not have the same queries.
    """
    if a.shape != b.shape or not torch.equal(a.isnan(), b.isnan()):
        raise ValueError("a paired comparison needs the same queries on both sides")
    deltas = (b - a)[~a.isnan()]
    interval = bootstrap_mean(deltas, generator, draws, confidence)
    observed, extreme = deltas.sum().abs() * (1 - 1e-12), 0
    for size in _portions(draws, max(1, len(deltas))):
        signs = torch.randint(2, (size, len(deltas)), generator=generator) * 2.0 - 1
        extreme += int(((signs.double() @ deltas).abs() >= observed).sum())
    p_value = (1 + extreme) / (1 + draws)
    return Difference(interval.mean, interval.low, interval.high, p_value)


def _portions(draws: int, size: int) -> list[int]:
    step = max(1, CELLS // size)
    return [min(step, draws - start) for start in range(0, draws, step)]
