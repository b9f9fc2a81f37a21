"""Two results on the same queries: what is better, by how much, how sure."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from torch import Tensor

from zoo.errors import UsageError
from zoo.metrics.evaluation import Evaluation
from zoo.metrics.summary import MEDIANS
from zoo.metrics.uncertainty import Interval, bootstrap_items, bootstrap_mean, paired_difference

SURE = 0.05  # largest p-value called a difference
ERRORS = ("mean_absolute_error",)  # the smaller the better
DRAWS = 2000  # of queries
ITEM_DRAWS = 200  # of items, where every draw is measured anew


@dataclass(frozen=True)
class Row:
    """One metric of two results: b - a, its 95 % interval, the p-value of no difference."""

    metric: str
    a: float
    b: float
    difference: float
    low: float
    high: float
    p_value: float

    @property
    def shown_p(self) -> str:
        """The p-value with three decimals: no chance is 0."""
        return f"{self.p_value:.3f}" if self.p_value >= 0.001 else "<0.001"

    @property
    def verdict(self) -> str:
        """Say in words which is better, when chance does not explain it."""
        if self.p_value > SURE:
            return "no clear difference"
        better = self.difference < 0 if self.metric in ERRORS else self.difference > 0
        return "B is better" if better else "A is better"

    def as_json(self) -> dict[str, Any]:
        """Return the row with its verdict."""
        return {**asdict(self), "verdict": self.verdict}


def compare(a: Evaluation, b: Evaluation, *, seed: int = 0) -> list[Row]:
    """Compare two evaluations query by query, on every metric that is a mean over queries.

    Raises:
        UsageError: they were not measured on the same queries and gallery.
    """
    if (a.protocol, a.gallery, a.query_items) != (b.protocol, b.gallery, b.query_items):
        raise UsageError(
            "the two results are not of the same queries and gallery",
            "evaluate both models on the same data, with the same protocol",
        )
    rows = []
    for name in means_of(a):
        found = paired_difference(a.per_query[name], b.per_query[name], seed=seed, draws=DRAWS)
        rows.append(
            Row(
                name,
                a.metrics[name],
                b.metrics[name],
                found.mean,
                found.low,
                found.high,
                found.p_value,
            )
        )
    return [*rows, *_resampled_rows(a, b, seed)]


def _resampled_rows(a: Evaluation, b: Evaluation, seed: int) -> list[Row]:
    """Compare the metrics that are no means over queries, on the same draws of items.

    The p-value is twice the smaller share of draws on either side of no difference.
    """
    first, second = a.resampled, b.resampled
    if first is None or second is None:
        return []
    wins: dict[str, list[float]] = defaultdict(list)

    def difference(drawn: Tensor) -> dict[str, float]:
        one, other = first(drawn), second(drawn)
        found = {name: other[name] - one[name] for name in one if name in other}
        for name, value in found.items():
            wins[name].append(value)
        return found

    bounds = bootstrap_items(difference, a.gallery, seed=seed, draws=ITEM_DRAWS)
    rows = []
    for name in (n for n in bounds if n in a.metrics and n not in a.per_query):
        sides = [sum(v <= 0 for v in wins[name]), sum(v >= 0 for v in wins[name])]
        p_value = min(1.0, 2 * (1 + min(sides)) / (1 + len(wins[name])))
        before, after = a.metrics[name], b.metrics[name]
        rows.append(Row(name, before, after, after - before, *bounds[name], p_value))
    return rows


def intervals(evaluation: Evaluation, *, seed: int = 0) -> dict[str, Interval]:
    """Return the 95 % bootstrap interval over queries of every metric that is a mean of them.

    Of scores it is over images, and of every metric that can be measured on some of them.
    """
    if evaluation.resampled is not None:
        drawn = evaluation.gallery
        found = bootstrap_items(evaluation.resampled, drawn, seed=seed, draws=ITEM_DRAWS)
        return {n: Interval(evaluation.metrics[n], *found[n]) for n in found}
    return {
        name: bootstrap_mean(evaluation.per_query[name], seed=seed, draws=DRAWS)
        for name in means_of(evaluation)
    }


def means_of(evaluation: Evaluation) -> Sequence[str]:
    """Return the metrics that are means over queries, in order."""
    return [n for n in evaluation.metrics if n in evaluation.per_query and n not in MEDIANS]
