"""One call of `rankzoo eval`: one or two models, their comparison, page and record."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import Group

from zoo.errors import UsageError
from zoo.evaluation.measure import Outcome, evaluate_embedder, evaluate_scorer
from zoo.evaluation.options import EvalOptions, ReportOptions
from zoo.evaluation.paired import Row, compare, intervals
from zoo.evaluation.protocols import PROTOCOLS
from zoo.evaluation.report import evaluation_page
from zoo.evaluation.subject import Subject, open_subject
from zoo.evaluation.tables import comparison_table, result_table
from zoo.files import (
    read_sealed,
    refuse_to_overwrite,
    staged_folder,
    write_json,
    write_sealed,
    write_text,
)
from zoo.metrics.evaluation import Evaluation
from zoo.metrics.uncertainty import Interval

RESULTS = "results.json"
OF_ANY_DATA = ("labels", "captions")  # protocols that name no data
UNREFINED = "unrefined"  # the key of the numbers before a refinement


@dataclass(frozen=True, eq=False)
class Session:
    """What was found; `rows` compare the plain with the refined result, or A with B.

    bounds: the 95 % intervals of both results compared; of one alone if they were asked for.
    """

    outcomes: Sequence[Outcome]
    names: Sequence[str]
    rows: Sequence[Row] = ()
    bounds: Sequence[Mapping[str, Interval]] = ()
    report: Path | None = None

    @property
    def final(self) -> Evaluation:
        """The last model's result."""
        return self.outcomes[-1].final

    def as_json(self) -> dict[str, Any]:
        """Return the result; with two models, that of each under `models`."""
        first = self.outcomes[0]
        value: dict[str, Any] = {"model": first.model, **first.final.as_json()}
        plain = [{name: asdict(bound) for name, bound in each.items()} for each in self.bounds]
        if plain:
            value["intervals"] = plain[0 if len(self.outcomes) > 1 else -1]
        value |= _unrefined(first)
        if len(self.outcomes) > 1:
            value["models"] = [{"model": o.model, **o.final.as_json()} for o in self.outcomes]
            for model, found in zip(value["models"], plain, strict=True):
                model["intervals"] = found
        if self.rows:
            value["comparison"] = [row.as_json() for row in self.rows]
        return value | ({"report": str(self.report)} if self.report else {})

    def table(self) -> Group:
        """Return the tables for a terminal."""
        tables: list[Group] = []
        if not self.rows:
            first = self.outcomes[0]
            tables.append(result_table(first.final, first.model, next(iter(self.bounds), {})))
        if self.rows:
            tables.append(comparison_table(self.final, self.names, self.rows, self.bounds))
        return Group(*tables, *([f"report: {self.report}"] if self.report else []))


def evaluate_embedders(
    models: Sequence[str], options: EvalOptions, told: ReportOptions = ReportOptions()
) -> Session:
    """Evaluate one or two models that embed; see `run_session`."""
    return run_session(evaluate_embedder, models, options, told)


def evaluate_scorers(
    models: Sequence[str], options: EvalOptions, told: ReportOptions = ReportOptions()
) -> Session:
    """Evaluate one or two models that score classes or values; see `run_session`."""
    return run_session(evaluate_scorer, models, options, told)


def run_session(
    evaluate: Callable[[Subject, EvalOptions], Outcome],
    models: Sequence[str],
    options: EvalOptions,
    told: ReportOptions = ReportOptions(),
) -> Session:
    """Evaluate one or two models and compare what there is to compare.

    Raises:
        RankzooError: a model, the data or an option cannot be used, it says which; the report
            exists already; `save` without a local run folder.
    """
    report = told.report
    if report is not None:
        refuse_to_overwrite(report)
    if told.save and not all(Path(model).is_dir() for model in models):
        raise UsageError("--save needs a local run folder", "give the folder of the run")
    outcomes = [
        evaluate(
            open_subject(model, offline=options.offline, track=options.embed.track),
            _own(options, n),
        )
        for n, model in enumerate(models)
    ]
    session = _compared(outcomes, options.seed, told)
    if report is not None:
        _write_report(report, session)
    for outcome in outcomes if told.save else ():
        _save(outcome, options, told.command)
    return session


def _compared(outcomes: Sequence[Outcome], seed: int, told: ReportOptions) -> Session:
    """Return two models against each other, or one plain and refined, or one alone."""
    first = outcomes[0]
    if len(outcomes) > 1:
        names, pair = [o.model for o in outcomes], [o.final for o in outcomes]
    elif len(first.evaluations) > 1:
        names, pair = [f"{first.model}, plain", "refined"], [first.evaluations[0], first.final]
    else:
        names, pair = [first.model], []
    rows = compare(pair[0], pair[1], seed=seed) if pair else []
    measured = pair or ([first.final] if told.confidence else [])
    bounds = [intervals(each, seed=seed) for each in measured]
    page = told.report / "index.html" if told.report else None
    return Session(outcomes, names, rows, bounds, page)


def _write_report(report: Path, session: Session) -> None:
    """Write the page of a session, and beside it its result."""
    told = session.outcomes, session.names, session.rows, session.bounds
    with staged_folder(report) as folder:
        write_text(folder / "index.html", evaluation_page(*told))
        write_json(folder / "result.json", session.as_json())


def _save(outcome: Outcome, options: EvalOptions, command: str) -> None:
    """Replace the numbers of a run's results; what training noted beside them stays."""
    path = Path(outcome.model) / RESULTS
    noted = read_sealed(path) if path.exists() else {}
    noted.pop(UNREFINED, None)
    told = {"data": _data_of(outcome, options), "seed": options.seed, "command": command}
    write_sealed(path, noted | outcome.final.as_json() | _unrefined(outcome) | told)


def _unrefined(outcome: Outcome) -> dict[str, Any]:
    """Return the numbers without the refinement, where there was one."""
    plain, *refined = outcome.evaluations
    return {UNREFINED: plain.as_json()["metrics"]} if refined else {}


def _data_of(outcome: Outcome, options: EvalOptions) -> str:
    """Return what the data is called: by its reader, its protocol, or its path."""
    if outcome.measured is not None:
        return outcome.measured.dataset.name
    protocol, path = outcome.final.protocol, options.data
    if protocol in PROTOCOLS and protocol not in OF_ANY_DATA:
        return PROTOCOLS[protocol].dataset or protocol
    return path.resolve().name if path.is_dir() else path.stem


def _own(options: EvalOptions, place: int) -> EvalOptions:
    """Give the second model's learned whitening a name of its own."""
    asked = options.refine
    if place == 0 or asked.whitening is None or asked.whiten_on is None:
        return options
    own = asked.whitening.with_stem(f"{asked.whitening.stem}-{place + 1}")
    return replace(options, refine=replace(asked, whitening=own))
