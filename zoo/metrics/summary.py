"""From values a query to one number a metric."""

from collections.abc import Mapping

from torch import Tensor

from zoo.metrics.per_query import mean_of
from zoo.metrics.retrieval import median_of

MEDIANS = frozenset({"median_rank"})  # every other metric is a mean over queries


def summarise(per_query: Mapping[str, Tensor]) -> dict[str, float]:
    """Reduce per-query values to one number a metric."""
    return {
        name: float((median_of if name in MEDIANS else mean_of)(values))
        for name, values in per_query.items()
    }
