"""The numbers of a card: the Hub's `model-index`, whose `args` say where each comes from."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Result:
    """One number: `provenance` is `measured` (command, seed, date) or `quoted` (source)."""

    dataset: str
    metric: str
    value: Any
    args: Mapping[str, Any]
    split: str = ""

    @property
    def protocol(self) -> str:
        """How it is computed: what queries what, and what is left out."""
        return str(self.args.get("protocol", ""))

    @property
    def options(self) -> str:
        """What was done between image and ranking: the input's size, whitening, re-ranking."""
        return str(self.args.get("options", ""))

    @property
    def provenance(self) -> str:
        """`measured` or `quoted`."""
        return str(self.args.get("provenance", ""))

    @property
    def origin(self) -> str:
        """The command that measured it, with seed and date, or the source it is quoted from."""
        if self.provenance == "measured":
            return "{command}, seed {seed}, {date}".format_map(_Blank(self.args))
        return str(self.args.get("source", ""))

    def as_json(self) -> dict[str, Any]:
        """Return the number with its dataset and all of its provenance."""
        named = {"dataset": self.dataset, "metric": self.metric, "value": self.value}
        return {**named, **({"split": self.split} if self.split else {}), **self.args}


class _Blank(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return "?"


def read_results(model_index: Any) -> Iterator[Result]:
    """Yield every number of a `model-index`.

    Raises:
        KeyError, TypeError, AttributeError: it has another shape.
    """
    for model in model_index or ():
        for group in model["results"]:
            dataset = group["dataset"]
            for metric in group["metrics"]:
                yield Result(
                    dataset=str(dataset["type"]),
                    metric=str(metric["type"]),
                    value=metric["value"],
                    args=metric.get("args") or {},
                    split=str(dataset.get("split", "")),
                )


def model_index(name: str, task: str, results: list[Result]) -> list[dict[str, Any]]:
    """Return the `model-index` that holds `results`, one group per dataset and split."""
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for result in results:
        metric = {"type": result.metric, "value": result.value, "args": dict(result.args)}
        groups.setdefault((result.dataset, result.split), []).append(metric)
    entries = []
    for (dataset, split), metrics in groups.items():
        described = {"type": dataset, "name": dataset, **({"split": split} if split else {})}
        entries.append({"task": {"type": task}, "dataset": described, "metrics": metrics})
    return [{"name": name, "results": entries}] if entries else []
