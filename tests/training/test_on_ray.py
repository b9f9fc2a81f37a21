"""Ray Train gives the weights of torchrun, killed processes included."""

import json
import subprocess
import sys
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from tests.ray_cluster import ENVIRONMENT, ROOT
from zoo import __version__
from zoo.cluster import Cluster, unguarded
from zoo.data.preprocessing import Preprocessing
from zoo.errors import DataError, UnavailableError, UsageError
from zoo.models import EmbedderConfig, build_embedder, save_embedder
from zoo.recipes.find import Choice, find_recipe
from zoo.runs.folder import RunResult
from zoo.runs.options import TrainOptions
from zoo.training import on_ray
from zoo.training.on_ray import Processes, train_on_ray

CHANGES = ["batch.size=4", "batch.per_class=2", "schedule.steps=12", "engine.checkpoint_every=4"]
CHANGES += ["network.size=32"]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    config = EmbedderConfig("test_resnet", preprocessing=Preprocessing(size=32, resize=32))
    save_embedder(build_embedder(config), tmp_path / "model")
    return tmp_path / "model"


def test_a_run_that_is_there_is_refused_before_a_cluster_is_looked_for(
    tmp_path: Path, model: Path
) -> None:
    recipe = find_recipe(Choice(None, str(model), "smooth_ap", CHANGES))
    options = TrainOptions(model, model)
    with pytest.raises(UsageError, match="already exists"):
        train_on_ray("never:called", recipe, options, Processes(Cluster("127.0.0.1:1"), 2))


@pytest.fixture
def fits(monkeypatch: pytest.MonkeyPatch) -> list[TrainOptions]:
    """What is carried out, without a cluster: told in a file of the work folder, then told."""
    asked: list[TrainOptions] = []

    def fit(arguments: tuple[Any, ...], how: Processes, work: Path) -> dict[str, Any]:
        _, _, options = arguments
        asked.append(options)
        assert not work.exists()  # nothing of a driver that was killed
        work.mkdir()
        if options.seed == 13:
            raise DataError("an image is broken", "mend it")
        found = {"before": {"recall_at_1": 0.25}, "metrics": {"recall_at_1": 0.5}}
        ended = {"run": str(options.out), "seconds": 3.0, "measured_on": "ten images"}
        return {"problem": "", **found, **ended}

    monkeypatch.setattr(on_ray, "connected", lambda *_, **__: nullcontext())
    monkeypatch.setattr(on_ray, "_fit", fit)
    return asked


@pytest.mark.parametrize("left", [False, True])
def test_what_the_processes_told_is_the_result_and_their_folder_is_gone(
    left: bool, fits: list[TrainOptions], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    if left:
        (tmp_path / ".run.ray" / "of a driver that was killed").mkdir(parents=True)
    recipe = find_recipe(Choice(None, "test_resnet", "smooth_ap", CHANGES))
    options = TrainOptions(Path("run"), Path("photos"))
    done = train_on_ray("never:called", recipe, options, Processes(Cluster()))
    assert done == RunResult(
        tmp_path / "run",
        {"recall_at_1": 0.5},
        3.0,
        before={"recall_at_1": 0.25},
        measured_on="ten images",
    )
    (asked,) = fits
    assert (asked.out, asked.data, asked.resume) == (tmp_path / "run", tmp_path / "photos", "auto")
    broken = replace(options, seed=13)
    with pytest.raises(DataError, match="an image is broken"):
        train_on_ray("never:called", recipe, broken, Processes(Cluster()))
    assert list(tmp_path.iterdir()) == []


def test_a_process_tells_how_it_ended_in_a_file_and_one_that_comes_after_only_looks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    called: list[str] = []

    def task(outcome: Exception | RunResult | None) -> Any:
        def work(recipe: str, options: str) -> RunResult | None:
            called.append(recipe)
            if isinstance(outcome, Exception):
                raise outcome
            return outcome

        return work

    def train(outcome: Exception | RunResult | None, version: str = __version__) -> None:
        monkeypatch.setattr(on_ray, "named", lambda _: task(outcome))
        how = {"work": tmp_path, "version": version, "folder": ""}
        on_ray._train({**how, "arguments": ("a task", f"recipe {len(called)}", "options")})

    told = tmp_path / on_ray.TOLD
    train(None)  # of a process that does not lead
    assert not told.exists()
    with pytest.raises(DataError):
        train(DataError("an image is broken", "mend it"))
    with pytest.raises(DataError, match="an image is broken") as caught:
        unguarded(json.loads(told.read_text()))
    assert caught.value.hint == "mend it"
    train(None)
    assert called == ["recipe 0", "recipe 1"]
    told.unlink()
    train(RunResult(tmp_path / "run", {"recall_at_1": 0.5}, 3.0))
    found = unguarded(json.loads(told.read_text()))
    assert (found["run"], found["metrics"]) == (str(tmp_path / "run"), {"recall_at_1": 0.5})
    told.unlink()
    with pytest.raises(UnavailableError, match="this is 0.0.0"):
        train(None, version="0.0.0")
    assert len(called) == 3


@pytest.mark.cluster
@pytest.mark.filterwarnings("ignore")
def test_a_killed_process_ends_with_the_weights_of_torchrun(
    ray_address: str, photos: Path, model: Path, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command += ["--nproc-per-node=2", "-m", "cli", "train", "--model", str(model)]
    command += ["--data", str(photos), "--loss", "smooth_ap", "--workers", "0", "--device", "cpu"]
    command += [f"--set={change}" for change in CHANGES]
    command += ["--out", str(tmp_path / "torchrun")]
    subprocess.run(command, cwd=ROOT, env=ENVIRONMENT, check=True, capture_output=True)

    recipe = find_recipe(Choice(None, str(model), "smooth_ap", CHANGES))
    how = Processes(Cluster(ray_address, cpus=0.5), 2)
    options = TrainOptions(tmp_path / "ray", photos, device="cpu")
    done = train_on_ray("tests.ray_cluster:train_killed_once", recipe, options, how)
    assert (tmp_path / "killed").exists()
    assert done is not None
    assert done.run == tmp_path / "ray"
    ours, theirs = (load_file(tmp_path / run / "model.safetensors") for run in ("ray", "torchrun"))
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)

    options = TrainOptions(tmp_path / "bad", tmp_path / "nowhere", device="cpu")
    with pytest.raises(DataError, match="nowhere"):
        train_on_ray("zoo.training.embedders:train", recipe, options, how)
