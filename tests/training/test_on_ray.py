"""Ray Train gives the weights of torchrun, killed processes included."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.ray_cluster import ENVIRONMENT, ROOT
from zoo.cluster import Cluster
from zoo.data.preprocessing import Preprocessing
from zoo.errors import DataError, UsageError
from zoo.models import EmbedderConfig, build_embedder, save_embedder
from zoo.recipes.find import Choice, find_recipe
from zoo.runs.options import TrainOptions
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
