"""The result of a comparison: one value that the terminal, JSON, Markdown and the page show."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import isnan
from pathlib import Path
from typing import Any

from zoo.experiments.claims import Claim, Verdict, arms, verdict
from zoo.experiments.plan import Plan, Trial
from zoo.experiments.report import comparison_page
from zoo.experiments.run_store import RunStore
from zoo.experiments.schedule import progress_of
from zoo.experiments.standings import Standing, headline_metrics, standings, values_of
from zoo.experiments.tables import markdown
from zoo.files import write_json, write_text
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


def result_of(plan: Plan, store: RunStore, claims: Sequence[Claim], command: str = "") -> Result:
    """Gather whatever the folder of a comparison holds."""
    outcomes = progress_of(plan, store).outcomes
    rows = standings(plan, store)
    needed = {side.name for claim in claims for side in arms(claim)}
    values = {name: values_of(name, outcomes, store) for name in needed}
    return Result(
        plan,
        store.folder,
        rows,
        headline_metrics(rows),
        [verdict(claim, values) for claim in claims],
        {row.name: _curve(row, plan, store) for row in rows if row.point},
        len(outcomes),
        command,
    )


def write_result(result: Result, folder: Path) -> None:
    """Write the JSON, the Markdown block and the page of a comparison into its folder."""
    write_json(folder / RESULT, {**result.as_json(), "curves": result.curves})
    write_text(folder / BLOCK, markdown(result.standings, result.shown, result.verdicts))
    write_text(folder / PAGE, comparison_page(result))


def _curve(row: Standing, plan: Plan, store: RunStore) -> list[Row]:
    """Return the validations of the tuning run at the point that was chosen."""
    place = plan.points(plan.candidate(row.name)).index(row.point)
    trial = next((t for t in plan.tuning() if t.candidate == row.name and t.point == place), None)
    return [] if trial is None else _validations(store, trial)


def _validations(store: RunStore, trial: Trial) -> list[Row]:
    names = ("map_at_r", "rsum")
    rows = read_rows(store.run(trial))
    return [
        {"step": row["step"], "validation": row[name]}
        for row in rows
        for name in names
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
