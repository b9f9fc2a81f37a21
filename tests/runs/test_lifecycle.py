"""Every run begins, goes on, stops and ends in the same way, whatever it trains."""

import json
import os
import signal
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import PIL.Image
import pytest

from zoo.errors import DataError, InterruptedRunError, UsageError
from zoo.recipes import RECIPES, AnyRecipe
from zoo.recipes.changes import override
from zoo.runs.folder import begin, differences
from zoo.runs.lifecycle import Run, Span
from zoo.runs.options import RunOptions
from zoo.runs.record import Row, read_rows

ONE_OF_EACH = (
    "emoji-recall_at_k",
    "emoji-captions",
    "scenes-bce",
    "sorter-grus",
    "scenes-retinanet-r18-ap",
)
each_kind = pytest.mark.parametrize("recipe", [RECIPES[n] for n in ONE_OF_EACH], ids=ONE_OF_EACH)
TEN = Span(done=0, steps=10, checkpoint_every=4)


def walk(run: Run, saved: list[int], span: Span = TEN) -> Generator[int, None, None]:
    with run:
        for step, _ in run.steps(range(span.done, span.steps), span, saved.append):
            run.record({"step": step, "loss": 1 / step})
            yield step
        run.finish({"protocol": "none", "metrics": {"score": 0.5}})


@each_kind
def test_a_run_leaves_recipe_record_results_and_curves(recipe: AnyRecipe, tmp_path: Path) -> None:
    rows: list[Row] = []
    run, saved = tmp_path / "run", list[int]()
    options = RunOptions(seed=3, listeners=[rows.append])
    assert list(walk(Run(run, recipe, options), saved)) == list(range(1, 11))
    assert saved == [4, 8, 10]
    assert json.loads((run / "recipe.json").read_text())["name"] == recipe.name
    results = json.loads((run / "results.json").read_text())
    assert results["metrics"] == {"score": 0.5}
    assert (results["seed"], results["steps"]) == (3, 10)
    assert rows == read_rows(run)
    assert rows[-1] == {"step": 10, "score": 0.5}
    with PIL.Image.open(run / "curves.png") as curves:
        assert curves.width > 100


@each_kind
def test_a_start_that_fails_leaves_nothing_behind(recipe: AnyRecipe, tmp_path: Path) -> None:
    out = tmp_path / "runs/deep/a"
    steps = walk(Run(out, recipe, RunOptions()), [])
    assert next(steps) == 1  # its update is not finished
    (out / "skipped.json").write_text("[]")
    with pytest.raises(DataError):
        steps.throw(DataError("the first image is broken"))
    assert list(tmp_path.iterdir()) == []


def test_an_empty_folder_of_ones_own_is_left_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    recipe = RECIPES["sorter-grus"]
    with pytest.raises(DataError), Run(tmp_path / "mine", recipe, RunOptions()):
        raise DataError("no")
    assert list((tmp_path / "mine").iterdir()) == []


def test_a_failure_after_an_update_keeps_the_run(tmp_path: Path) -> None:
    steps = walk(Run(tmp_path / "run", RECIPES["sorter-grus"], RunOptions()), [])
    assert [next(steps), next(steps)] == [1, 2]
    with pytest.raises(DataError):
        steps.throw(DataError("the third image is broken"))
    assert [row["step"] for row in read_rows(tmp_path / "run")] == [1, 2]


def test_a_resume_that_fails_keeps_the_run(tmp_path: Path) -> None:
    recipe = RECIPES["sorter-grus"]
    list(walk(Run(tmp_path / "run", recipe, RunOptions()), []))
    with pytest.raises(DataError), Run(tmp_path / "run", recipe, RunOptions(resume=True)):
        raise DataError("the data is gone")
    assert (tmp_path / "run/results.json").exists()


@each_kind
def test_a_run_that_is_there_is_named_with_the_way_to_go_on(
    recipe: AnyRecipe, tmp_path: Path
) -> None:
    list(walk(Run(tmp_path / "run", recipe, RunOptions()), []))
    before = (tmp_path / "run/metrics.jsonl").read_bytes()
    with pytest.raises(UsageError, match="already exists") as caught:
        list(walk(Run(tmp_path / "run", recipe, RunOptions()), []))
    assert "--resume auto" in caught.value.hint
    assert (tmp_path / "run/metrics.jsonl").read_bytes() == before


def test_something_else_that_is_there_is_not_resumed(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/a.jpg").write_bytes(b"")
    for resume in (True, False):
        with pytest.raises(UsageError, match="already exists") as caught:
            begin(tmp_path / "photos", RECIPES["sorter-grus"], resume=resume)
        assert "--resume" not in caught.value.hint


@each_kind
def test_another_recipe_is_refused_key_by_key(recipe: AnyRecipe, tmp_path: Path) -> None:
    begin(tmp_path / "run", recipe, resume=False)
    size = recipe.batch.size
    other = override(override(recipe, "batch.size", "77"), "optimiser.lr", "0.5")
    with pytest.raises(UsageError) as caught:
        begin(tmp_path / "run", other, resume=True)
    assert f"batch.size: {size} -> 77; optimiser.lr: {recipe.optimiser.lr} -> 0.5" in str(
        caught.value
    )
    assert "{" not in str(caught.value)
    assert begin(tmp_path / "run", replace(recipe, about="new words"), resume=True) is False


def test_differences_are_told_as_a_person_types_them() -> None:
    before = {"loss": {"name": "sup_ap", "options": {"tau": 0.1}}, "batch": {"chunk": None}}
    now = {"loss": {"name": "fast_ap", "options": {}}, "batch": {"chunk": 8}, "memory": 0}
    assert list(differences(before, now)) == [
        "batch.chunk: null -> 8",
        "loss.name: sup_ap -> fast_ap",
        "loss.options.tau: 0.1 -> null",
        "memory: null -> 0",
    ]
    before, now = {"frozen": list[str]()}, {"frozen": ["größe"]}
    assert list(differences(before, now, "network")) == ['network.frozen: [] -> ["größe"]']


@each_kind
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_saves_says_where_and_gives_the_signals_back(
    recipe: AnyRecipe, number: signal.Signals, tmp_path: Path
) -> None:
    handler, saved = signal.getsignal(number), list[int]()
    steps = walk(Run(tmp_path / "run", recipe, RunOptions()), saved)
    assert next(steps) == 1
    os.kill(os.getpid(), number)
    with pytest.raises(InterruptedRunError, match="stopped after step 1 of 10") as caught:
        next(steps)
    assert caught.value.code == 130
    assert "--resume auto" in caught.value.hint
    assert saved == [1]
    assert signal.getsignal(number) is handler


def test_a_run_goes_on_with_the_rows_it_had_saved(tmp_path: Path) -> None:
    recipe = RECIPES["sorter-grus"]
    list(walk(Run(tmp_path / "run", recipe, RunOptions()), [], Span(0, 6, 4)))
    again = walk(Run(tmp_path / "run", recipe, RunOptions(resume=True)), [], Span(4, 6, 4))
    assert list(again) == [5, 6]
    assert [row["step"] for row in read_rows(tmp_path / "run")] == [1, 2, 3, 4, 5, 6, 6]


def test_seconds_are_those_of_the_updates_whatever_came_before_and_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = SimpleNamespace(now=100.0)
    fake = SimpleNamespace(perf_counter=lambda: clock.now)
    monkeypatch.setattr("zoo.runs.lifecycle.time", fake)
    with Run(tmp_path / "run", RECIPES["sorter-grus"], RunOptions()) as run:
        clock.now += 50
        assert run.elapsed == 0
        for step, _ in run.steps(range(3), Span(0, 3, 0), lambda _: None):
            clock.now += 2
            assert run.elapsed == 2 * step
        clock.now += 50
        assert run.elapsed == 6
        run.finish({"protocol": "none"})
    assert json.loads((tmp_path / "run/results.json").read_text())["seconds"] == 6
