"""A run's record in other people's trackers, none of which is imported unless it is asked for."""

import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from zoo.errors import UsageError
from zoo.recipes import RECIPES
from zoo.runs.lifecycle import Run, Span
from zoo.runs.options import RunOptions, TrainOptions
from zoo.runs.trackers import open_trackers

RECIPE = RECIPES["sorter-grus"]


def walk(out: Path, *names: str) -> None:
    span = Span(done=0, steps=3, checkpoint_every=0)
    with Run(out, RECIPE, RunOptions(trackers=names)) as run:
        for step, _ in run.steps(range(3), span, lambda step: None):
            run.record({"step": step, "loss": 1 / step})
        run.finish({"metrics": {"score": 0.5}})


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of its own use of SQLAlchemy
def test_mlflow_holds_every_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mlflow: Any = import_module("mlflow")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/track.db")
    walk(tmp_path / "run", "mlflow")
    client = mlflow.MlflowClient(f"sqlite:///{tmp_path}/track.db")
    experiment = client.get_experiment_by_name("rankzoo").experiment_id
    (found,) = client.search_runs([experiment])
    history = client.get_metric_history(found.info.run_id, "loss")
    assert [(m.step, m.value) for m in history] == [(1, 1.0), (2, 0.5), (3, 1 / 3)]
    assert (found.info.status, found.data.metrics["score"]) == ("FINISHED", 0.5)
    assert found.data.tags["recipe"] == RECIPE.name


def test_tensorboard_is_written_unless_none_is_asked_for(tmp_path: Path) -> None:
    walk(tmp_path / "a")
    walk(tmp_path / "b", "none")
    assert list((tmp_path / "a" / "tensorboard").iterdir())
    assert not (tmp_path / "b" / "tensorboard").exists()


def test_a_run_that_goes_on_is_in_tensorboard_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was told after the checkpoint, before the run was killed, gives way to what is now."""
    # A process counts its files, and TensorBoard sorts those of one second as text: 9 after 10.
    writer: Any = import_module("tensorboard.summary.writer.event_file_writer")
    monkeypatch.setattr(writer, "_global_uid", writer.AtomicCounter(0))
    events: Any = import_module("tensorboard.backend.event_processing.event_accumulator")
    for first, factor in ((0, 1.0), (3, 10.0)):
        (board,) = open_trackers((), tmp_path, first, {})
        for step in range(first + 1, 6):
            board.write(step, {"loss": factor * step})
        board.close()
    found = events.EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert [(e.step, e.value) for e in found.Scalars("loss")] == [
        *((1, 1.0), (2, 2.0), (3, 3.0)),
        *((4, 40.0), (5, 50.0)),
    ]


@pytest.mark.slow
def test_weights_and_biases_works_offline(tmp_path: Path) -> None:
    script = "from pathlib import Path; from tests.runs.test_trackers import walk; "
    script += f"walk(Path({str(tmp_path / 'run')!r}), 'wandb')"
    setting = {**os.environ, "WANDB_MODE": "offline", "WANDB_SILENT": "true"}
    done = subprocess.run([sys.executable, "-c", script], env=setting, capture_output=True)
    assert done.returncode == 0, done.stderr
    (kept,) = (tmp_path / "run" / "wandb").glob("offline-run-*/*.wandb")
    assert b"loss" in kept.read_bytes()


def test_nothing_is_imported_when_unused(tmp_path: Path) -> None:
    script = "import sys; from pathlib import Path; from tests.runs.test_trackers import walk; "
    script += f"walk(Path({str(tmp_path / 'run')!r}), 'none'); "
    script += (
        "found = {'wandb', 'mlflow', 'tensorboard'} & set(sys.modules); assert not found, found"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("names", "message"),
    [(("clearml",), "--track clearml: unknown"), (("none", "mlflow"), "none stands beside")],
)
def test_another_word_is_refused(names: tuple[str, ...], message: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=message):
        TrainOptions(tmp_path, trackers=names)


def test_a_missing_package_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zoo.runs.trackers.find_spec", lambda name: None)
    with pytest.raises(UsageError, match="--track wandb needs wandb") as refused:
        TrainOptions(tmp_path, trackers=("wandb",))
    assert refused.value.hint == "pip install 'rankzoo[trackers]'"
