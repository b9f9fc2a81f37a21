"""What one call reports: of one model, of one refined, of two, with intervals, a page, a record."""

from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import torch
from rich.console import Console
from torch import nn

from zoo.errors import UsageError
from zoo.evaluation.measure import Outcome
from zoo.evaluation.options import EvalOptions, RefineOptions, ReportOptions
from zoo.evaluation.paired import compare, intervals
from zoo.evaluation.session import Session, run_session
from zoo.evaluation.subject import Subject
from zoo.metrics.evaluation import Evaluation
from zoo.metrics.summary import summarise

DATA = Path("photos")


def evaluation(seed: int) -> Evaluation:
    generator = torch.Generator().manual_seed(seed)
    found = torch.rand(30, generator=generator, dtype=torch.float64)
    values = {"recall_at_1": (found > 0.4).double(), "mean_average_precision": found}
    items = tuple(range(30))
    return Evaluation("labels", "Each searches.", summarise(values), 30, 30, 0, {}, values, items)


PLAIN, BETTER, OTHER, OTHERS_BETTER = (evaluation(seed) for seed in range(4))


@dataclass
class Measuring:
    """Stands for the measurement: what each model's evaluations are, and what was asked."""

    found: dict[str, list[Evaluation]]
    asked: list[EvalOptions] = field(default_factory=list)

    def __call__(self, subject: Subject, options: EvalOptions) -> Outcome:
        self.asked.append(options)
        return Outcome(subject.name, self.found[subject.name])


@pytest.fixture(autouse=True)
def models_without_files(monkeypatch: pytest.MonkeyPatch) -> None:
    def opened(name: str, **_: Any) -> Subject:
        return Subject(name, nn.Identity())

    monkeypatch.setattr("zoo.evaluation.session.open_subject", opened)


def session(
    found: dict[str, list[Evaluation]], told: ReportOptions = ReportOptions(), seed: int = 0
) -> Session:
    return run_session(Measuring(found), list(found), EvalOptions(DATA, seed=seed), told)


def means(bounds: Any) -> dict[str, float]:
    return {name: bound["mean"] for name, bound in bounds.items()}


def test_one_model_is_told_alone() -> None:
    alone = session({"a": [PLAIN]})
    assert alone.as_json() == {"model": "a", **PLAIN.as_json()}
    assert (alone.final, alone.names, alone.rows, alone.bounds) == (PLAIN, ["a"], [], [])


def test_intervals_come_when_they_are_asked_for() -> None:
    value = session({"a": [PLAIN]}, ReportOptions(confidence=True)).as_json()
    assert value.keys() == {"model", *PLAIN.as_json(), "intervals"}
    assert means(value["intervals"]) == pytest.approx(PLAIN.metrics)


def test_a_refinement_stands_beside_what_it_refines() -> None:
    refined = session({"a": [PLAIN, BETTER]}, seed=5)
    value = refined.as_json()
    assert value["metrics"] == BETTER.metrics
    assert value["unrefined"] == PLAIN.metrics
    assert "models" not in value
    assert means(value["intervals"]) == pytest.approx(BETTER.metrics)
    assert refined.names == ["a, plain", "refined"]
    assert refined.rows == compare(PLAIN, BETTER, seed=5)
    assert refined.bounds == [intervals(PLAIN, seed=5), intervals(BETTER, seed=5)]
    assert value["comparison"] == [row.as_json() for row in refined.rows]


def test_two_models_are_compared_as_refined_and_the_first_is_told_first() -> None:
    both = session({"a": [PLAIN, BETTER], "b": [OTHER, OTHERS_BETTER]}, seed=5)
    value = both.as_json()
    assert (value["model"], value["metrics"]) == ("a", BETTER.metrics)
    assert both.final is OTHERS_BETTER
    assert both.names == ["a", "b"]
    assert both.rows == compare(BETTER, OTHERS_BETTER, seed=5)
    assert [model["model"] for model in value["models"]] == ["a", "b"]
    for model, measured in zip(value["models"], (BETTER, OTHERS_BETTER), strict=True):
        assert model["metrics"] == measured.metrics
        assert means(model["intervals"]) == pytest.approx(measured.metrics)
    assert value["intervals"] == value["models"][0]["intervals"]


def printed(found: Session) -> str:
    console = Console(file=StringIO(), width=80)
    console.print(found.table())
    text: str = console.file.getvalue()  # type: ignore[attr-defined]
    return text


def test_a_terminal_shows_one_table_and_where_the_page_is(tmp_path: Path) -> None:
    alone = printed(session({"a": [PLAIN]}))
    assert "value" in alone
    assert "95 %" not in alone
    assert "report" not in alone
    sure = session({"a": [PLAIN]}, ReportOptions(confidence=True))
    assert "95 % interval" in printed(sure)
    told = ReportOptions(report=tmp_path / "page")
    both = printed(session({"a": [PLAIN], "b": [OTHER]}, told))
    assert both.startswith("A = a, B = b")
    assert "value" not in both
    assert "report:" in both


def test_a_page_and_its_numbers_are_written_and_never_over_another(tmp_path: Path) -> None:
    told = ReportOptions(report=tmp_path / "page")
    found = session({"a": [PLAIN]}, told)
    assert found.as_json()["report"] == str(tmp_path / "page" / "index.html")
    assert {path.name for path in (tmp_path / "page").iterdir()} == {"index.html", "result.json"}
    measuring = Measuring({"a": [PLAIN]})
    with pytest.raises(UsageError, match="already exists"):
        run_session(measuring, ["a"], EvalOptions(DATA), told)
    assert measuring.asked == []


def test_numbers_are_saved_in_run_folders_or_nowhere(tmp_path: Path) -> None:
    measuring = Measuring({str(tmp_path): [PLAIN], "a": [OTHER]})
    with pytest.raises(UsageError, match="needs a local run folder"):
        run_session(measuring, [str(tmp_path), "a"], EvalOptions(DATA), ReportOptions(save=True))
    assert measuring.asked == []
    assert list(tmp_path.iterdir()) == []


def test_two_models_learn_a_whitening_each_and_share_one_that_is_read() -> None:
    kept = Path("white.safetensors")
    for learn_on, second in ((DATA, Path("white-2.safetensors")), (None, kept)):
        measuring = Measuring({"a": [PLAIN], "b": [OTHER]})
        refine = RefineOptions(whiten_on=learn_on, whitening=kept)
        run_session(measuring, ["a", "b"], EvalOptions(DATA, refine=refine))
        assert [asked.refine.whitening for asked in measuring.asked] == [kept, second]
