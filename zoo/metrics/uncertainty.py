"""How sure a mean over queries is, and whether two models differ on the same queries."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

import torch
from jaxtyping import Float64
from torch import Generator, Tensor

Values = Float64[Tensor, " query"]

# Student's t at 97.5 %, by degrees of freedom; from ten on the bound of ten, a little too wide.
STUDENT = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228)
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


def mean_over_runs(values: Sequence[float]) -> Interval:
    """Return the mean of independent runs, its 95 % interval by Student's t; NaN bounds for one.

    >>> found = mean_over_runs([0.4, 0.5, 0.6])
    >>> round(found.low, 3), round(found.high, 3)
    (0.252, 0.748)
    """
    mean = fmean(values)
    if len(values) < 2:
        return Interval(mean, float("nan"), float("nan"))
    freedom = len(values) - 1
    half = STUDENT[min(freedom, len(STUDENT)) - 1] * stdev(values) / len(values) ** 0.5
    return Interval(mean, mean - half, mean + half)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values of several tests adjusted so that all of them hold together (Holm, 1979).

    >>> [round(p, 3) for p in holm([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]
    """
    order = sorted(range(len(p_values)), key=lambda place: p_values[place])
    adjusted, largest = [0.0] * len(p_values), 0.0
    for tests, place in zip(range(len(order), 0, -1), order, strict=True):
        largest = max(largest, min(1.0, tests * p_values[place]))
        adjusted[place] = largest
    return adjusted


def _portions(draws: int, size: int) -> list[int]:
    step = max(1, CELLS // size)
    return [min(step, draws - start) for start in range(0, draws, step)]
