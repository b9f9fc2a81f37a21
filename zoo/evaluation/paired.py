"""Two results on the same queries: what is better, by how much, how sure."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from zoo.errors import UsageError
from zoo.metrics.evaluation import MEDIANS, Evaluation
from zoo.metrics.uncertainty import Interval, bootstrap_mean, paired_difference

SURE = 0.05  # largest p-value called a difference


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
    def verdict(self) -> str:
        """Say in words which is better, when chance does not explain it."""
        if self.p_value > SURE:
            return "no clear difference"
        return "B is better" if self.difference > 0 else "A is better"

    def as_json(self) -> dict[str, Any]:
        """Return the row with its verdict."""
        return {**asdict(self), "verdict": self.verdict}


def compare(a: Evaluation, b: Evaluation, *, seed: int = 0, draws: int = 2000) -> list[Row]:
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
        found = paired_difference(a.per_query[name], b.per_query[name], seed=seed, draws=draws)
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
    return rows


def intervals(evaluation: Evaluation, *, seed: int = 0, draws: int = 2000) -> dict[str, Interval]:
    """Return the 95 % bootstrap interval over queries of every metric that is a mean of them."""
    return {
        name: bootstrap_mean(evaluation.per_query[name], seed=seed, draws=draws)
        for name in means_of(evaluation)
    }


def means_of(evaluation: Evaluation) -> Sequence[str]:
    """Return the metrics that are means over queries, in order."""
    return [n for n in evaluation.metrics if n in evaluation.per_query and n not in MEDIANS]
