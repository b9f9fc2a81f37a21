"""The result of a comparison: one value that the terminal, JSON, Markdown and the page show."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import isnan
from pathlib import Path
from typing import Any

from zoo.experiments.candidate import Candidate
from zoo.experiments.claims import Claim, Verdict, arms, verdict
from zoo.experiments.outcome import CHOSEN_BY
from zoo.experiments.plan import Plan
from zoo.experiments.run_store import RunStore
from zoo.experiments.standings import Standing, headline_metrics, standings, values_of
from zoo.runs.record import Row, read_rows

RESULT, PAGE, BLOCK = "results.json", "index.html", "table.md"


@dataclass(frozen=True, eq=False)
class Result:
    """Standings, answers to claims, learning curves, and how much of the plan is done."""

    plan: Plan
    folder: Path
    standings: Sequence[Standing]
    shown: Sequence[str]
    verdicts: Sequence[Verdict]
    curves: Mapping[str, Sequence[Row]]
    done: int
    command: str = ""

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
            "claims": [_answer(verdict) for verdict in self.verdicts],
            "command": self.command,
            "report": str(self.folder / PAGE),
        }


def result_of(store: RunStore, claims: Sequence[Claim], command: str = "") -> Result:
    """Gather whatever the folder of a comparison holds."""
    rows = standings(store)
    sides = [side for claim in claims for side in arms(claim)]
    values = {side.name: values_of(side, store) for side in sides}
    return Result(
        store.plan,
        store.folder,
        rows,
        headline_metrics(rows),
        [verdict(claim, values) for claim in claims],
        {c.name: _curve(c, store) for c in store.plan.candidates},
        len(store.outcomes()),
        command,
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


def _answer(found: Verdict) -> dict[str, Any]:
    return {
        "claim": found.claim.name,
        "says": found.claim.says,
        "source": found.claim.source,
        "answer": found.answer,
        "note": found.note,
        "a": found.claim.a.name,
        "b": found.claim.b.name,
        "findings": [asdict(finding) for finding in found.findings],
    }
