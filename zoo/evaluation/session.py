"""One call of `rankzoo eval`: one or two models, their comparison, page and record."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from rich.console import Group
from rich.table import Table

from zoo.errors import UsageError
from zoo.evaluation.measure import Outcome, run_job
from zoo.evaluation.options import Job
from zoo.evaluation.paired import Row, compare, intervals
from zoo.evaluation.report import evaluation_page
from zoo.evaluation.tables import comparison_table, result_table
from zoo.files import refuse_to_overwrite, staged_folder, write_json, write_text
from zoo.metrics.evaluation import Evaluation
from zoo.metrics.uncertainty import Interval
from zoo.progress import Track, silent

RESULTS = "results.json"


@dataclass(frozen=True, eq=False)
class Session:
    """What was found; `rows` compare the plain with the refined result, or A with B."""

    outcomes: Sequence[Outcome]
    names: Sequence[str]
    rows: Sequence[Row] = ()
    bounds: Mapping[str, Interval] = field(default_factory=dict)
    report: Path | None = None

    @property
    def final(self) -> Evaluation:
        """The last model's result."""
        return self.outcomes[-1].final

    def as_json(self) -> dict[str, Any]:
        """Return the result; with two models, that of each under `models`."""
        first = self.outcomes[0]
        value: dict[str, Any] = {"model": first.model, **first.final.as_json()}
        if self.bounds:
            value["intervals"] = {name: asdict(bound) for name, bound in self.bounds.items()}
        if len(first.evaluations) > 1:
            value["unrefined"] = first.evaluations[0].as_json()["metrics"]
        if len(self.outcomes) > 1:
            value["models"] = [{"model": o.model, **o.final.as_json()} for o in self.outcomes]
        if self.rows:
            value["comparison"] = [row.as_json() for row in self.rows]
        return value | ({"report": str(self.report)} if self.report else {})

    def table(self) -> Group:
        """Return the tables for a terminal."""
        tables: list[Table] = []
        if not self.rows or self.bounds:
            first = self.outcomes[0]
            tables.append(result_table(first.final, first.model, self.bounds))
        if self.rows:
            tables.append(comparison_table(self.final, self.names, self.rows))
        return Group(*tables, *([f"report: {self.report}"] if self.report else []))


def run_session(
    models: Sequence[str],
    job: Job,
    *,
    confidence: bool = False,
    report: Path | None = None,
    save: bool = False,
    command: str = "",
    track: Track = silent,
) -> Session:
    """Evaluate one or two models and compare what there is to compare.

    `save` keeps each result, with the `command` that measured it, in the model's run folder.

    Raises:
        RankzooError: see `run_job`; `report` exists already; `save` without a local run folder.
    """
    if report is not None:
        refuse_to_overwrite(report)
    if save and not all(Path(model).is_dir() for model in models):
        raise UsageError("--save needs a local run folder", "give the folder of the run")
    outcomes = [run_job(model, _own(job, n), track) for n, model in enumerate(models)]
    first = outcomes[0]
    names, rows = [first.model], list[Row]()
    if len(outcomes) > 1:
        names = [outcome.model for outcome in outcomes]
        rows = compare(first.final, outcomes[1].final, seed=job.seed)
    elif len(first.evaluations) > 1:
        names = [f"{first.model}, plain", "refined"]
        rows = compare(first.evaluations[0], first.final, seed=job.seed)
    bounds = intervals(first.final, seed=job.seed) if confidence else {}
    session = Session(outcomes, names, rows, bounds, report / "index.html" if report else None)
    if report is not None:
        with staged_folder(report) as folder:
            write_text(folder / "index.html", evaluation_page(outcomes, names, rows, bounds))
            write_json(folder / "result.json", session.as_json())
    for outcome in outcomes if save else ():
        _save(Path(outcome.model) / RESULTS, outcome.final, job, command)
    return session


def _save(path: Path, evaluation: Evaluation, job: Job, command: str) -> None:
    """Replace the numbers of a run's results; what training noted beside them stays."""
    noted = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    write_json(path, noted | evaluation.as_json() | {"seed": job.seed, "command": command})


def _own(job: Job, place: int) -> Job:
    """Give the second model's learned whitening a name of its own."""
    if place == 0 or job.whitening is None or job.whiten_on is None:
        return job
    return replace(job, whitening=job.whitening.with_stem(f"{job.whitening.stem}-{place + 1}"))
