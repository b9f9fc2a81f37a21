"""The result of a comparison: one value that the terminal, JSON, Markdown and the page show."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import isnan
from pathlib import Path
from typing import Any

from zoo.experiments.candidate import Candidate
from zoo.experiments.outcome import CHOSEN_BY
from zoo.experiments.plan import Plan
from zoo.experiments.run_store import RunStore
from zoo.experiments.standings import Standing, headline_metrics, standings
from zoo.runs.record import Row, read_rows
from zoo.typed import read_object

RESULT, PAGE, BLOCK = "results.json", "index.html", "table.md"


@dataclass(frozen=True, eq=False)
class Result:
    """Standings, learning curves, and how much of the plan is done.

    claims: answers to papers' claims, in a folder of an earlier version that was asked for them.
    """

    plan: Plan
    folder: Path
    standings: Sequence[Standing]
    shown: Sequence[str]
    curves: Mapping[str, Sequence[Row]]
    done: int
    command: str = ""
    claims: Sequence[Any] = ()

    @property
    def complete(self) -> bool:
        """Whether nothing of the plan is left to run."""
        return all(row.settled for row in self.standings)

    def as_json(self) -> dict[str, Any]:
        """Return what `rankzoo compare --json` prints, without the curves."""
        return {
            "out": str(self.folder),
            "complete": self.complete,
            "runs": self.done,
            "metrics": list(self.shown),
            "standings": [_row(row) for row in self.standings],
            "claims": list(self.claims),
            "command": self.command,
            "report": str(self.folder / PAGE),
        }


def result_of(store: RunStore, command: str = "") -> Result:
    """Gather whatever the folder of a comparison holds."""
    rows = standings(store)
    before = store.folder / RESULT
    return Result(
        store.plan,
        store.folder,
        rows,
        headline_metrics(rows),
        {c.name: _curve(c, store) for c in store.plan.candidates},
        len(store.outcomes()),
        command,
        read_object(before).get("claims", []) if before.exists() else [],
    )


def _curve(candidate: Candidate, store: RunStore) -> list[Row]:
    """Return the validations of the tuning run whose settings were chosen."""
    chosen = store.chosen(candidate)
    if chosen is None or not store.plan.tuning_runs(candidate):
        return []
    return [
        {"step": row["step"], "validation": row[name]}
        for row in read_rows(store.run(chosen))
        for name in CHOSEN_BY
        if name in row
    ]


def _row(row: Standing) -> dict[str, Any]:
    """Return a standing as plain values; a bound not known is null: JSON has no NaN."""
    known = {
        name: {key: None if isnan(bound) else bound for key, bound in asdict(interval).items()}
        for name, interval in row.metrics.items()
    }
    return {**asdict(row), "metrics": known}
