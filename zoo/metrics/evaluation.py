"""The result of an evaluation: numbers that carry the protocol they were measured under."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor


@dataclass(frozen=True)
class Evaluation:
    """Metrics of one model under one protocol.

    `definition` says in one sentence what was searched with what, and what counts as right.
    `per_query` holds one value a query and metric (NaN for a query without a relevant item);
    `query_items` the dataset position of each query. `skipped` counts queries left out.
    `resampled` measures again on some rows of the gallery, for intervals where metrics are no means
    over queries.
    """

    protocol: str
    definition: str
    metrics: dict[str, float]
    queries: int
    gallery: int
    skipped: int = 0
    options: Mapping[str, str] = field(default_factory=dict)
    per_query: Mapping[str, Tensor] = field(default_factory=dict, repr=False, compare=False)
    query_items: tuple[int, ...] = field(default=(), repr=False)
    resampled: Callable[[Tensor], dict[str, float]] | None = field(
        default=None, repr=False, compare=False
    )

    @property
    def counted(self) -> str:
        """How many queries the numbers are of, and of how many: those left out have none."""
        left = f"{self.queries - self.skipped:,} of " if self.skipped else ""
        return f"{left}{self.queries:,} queries"

    def as_json(self) -> dict[str, Any]:
        """Return what `rankzoo eval --json` prints and a run folder stores."""
        return {
            "protocol": self.protocol,
            "definition": self.definition,
            "metrics": self.metrics,
            "queries": self.queries,
            "gallery": self.gallery,
            "queries_without_positives": self.skipped,
            "options": dict(self.options),
        }
