"""What goes wrong on a cluster is one line with its code; what was done is kept."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from tests.ray_cluster import (
    killed_driver,
    load_hungry,
    load_limited,
    load_slow,
    running_cluster,
    said,
)
from zoo.cluster import Cluster, connected
from zoo.data.preprocessing import Preprocessing
from zoo.embedding.cluster import Division, Job, embed_shards
from zoo.errors import RankzooError, UnavailableError
from zoo.models import EmbedderConfig, build_embedder, save_embedder

pytestmark = [pytest.mark.cluster, pytest.mark.filterwarnings("ignore")]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    config = EmbedderConfig("test_resnet", preprocessing=Preprocessing(size=32, resize=32))
    save_embedder(build_embedder(config), tmp_path / "model")
    return tmp_path / "model"


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Eight colours of four images: tuning sets some of the classes aside."""
    for number in range(32):
        place = tmp_path / "photos" / f"colour-{number // 4}" / f"{number}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8), (30 * (number // 4), 8 * number, 200)).save(place)
    return tmp_path / "photos"


@pytest.fixture
def train(model: Path, photos: Path) -> list[Any]:
    """A training of some seconds, as a person types it."""
    changes = ["batch.size=4", "batch.per_class=2", "network.size=32", "schedule.steps=200"]
    changes += ["engine.checkpoint_every=5"]
    said = ["train", "--model", model, "--data", photos, "--loss", "smooth_ap", "--device", "cpu"]
    return [*said, "--workers", 0, *(f"--set={change}" for change in changes)]


@pytest.fixture
def compare(model: Path, photos: Path) -> list[Any]:
    """A comparison of two runs, one after the other."""
    said = ["compare", "--backbone", model, "--data", photos, "--losses", "smooth_ap"]
    said += ["--search", "grid", "--rates", 1, "--seeds", 1, "--device", "cpu"]
    return [*said, "--set=batch.size=4", "--set=batch.per_class=2", "--set=schedule.steps=10"]


def test_no_cluster_is_one_line_from_every_command_and_nothing_is_written(
    model: Path, photos: Path, train: list[Any], compare: list[Any], tmp_path: Path
) -> None:
    index, out = tmp_path / "idx", tmp_path / "out"
    assert said("index", "build", "--model", model, "--images", photos, "--out", index)[0] == 0
    commands: list[list[Any]] = [
        ["embed", "--model", model, "--images", photos, "--out", out],
        ["index", "build", "--model", model, "--images", photos, "--out", out],
        [*train, "--out", out],
        ["serve", index, "--port", 0],
        [*compare, "--out", out],  # its plan is there: the same command goes on
    ]
    for words in commands:
        assert not out.exists(), words
        code, lines = said(*words, "--engine", "ray", "--address", "127.0.0.1:1")
        told = [line for line in lines.splitlines() if "no cluster at --address" in line]
        assert (code, len(told), "Traceback" in lines) == (4, 1, False), (words, lines)


def test_a_cluster_of_another_ray_is_refused_with_both_versions() -> None:
    with (
        running_cluster("2.9.3") as address,
        pytest.raises(UnavailableError, match="with: Ray: 2.9.3 Python.*started with: Ray") as told,
        connected(Cluster(address)),
    ):
        pass
    assert "one version" in told.value.hint


@pytest.mark.parametrize("load", [load_limited, load_hungry])
def test_a_worker_out_of_memory_is_one_line_and_its_shards_are_done_later(
    load: Callable[..., torch.nn.Module], photos: Path, tmp_path: Path
) -> None:
    out, job = tmp_path / "out", Job(load_slow, "0", photos)
    embed_shards(out, job, Division(shard="1/4"))
    memory = psutil.virtual_memory()
    limit = 1 - (memory.available - 2**30) / memory.total  # a gigabyte more than is held now
    monitor = {"RAY_memory_usage_threshold": str(limit), "RAY_memory_monitor_refresh_ms": "50"}
    with (
        running_cluster(**(monitor if load is load_hungry else {})) as address,
        pytest.raises(RankzooError, match="memory is full") as told,
    ):
        embed_shards(out, replace(job, load=load), Division(shards=4, cluster=Cluster(address)))
    assert (told.value.code, "smaller batches" in told.value.hint) == (1, True)
    assert "\n" not in str(told.value)
    assert [path.name for path in out.iterdir()] == ["shard-00001-of-00004"]
    with running_cluster() as address:
        done = embed_shards(out, job, Division(shards=4, cluster=Cluster(address)))
    assert done == {"done": 3, "kept": 1}


def test_a_driver_killed_while_training_goes_on_from_the_last_checkpoint(
    ray_address: str, train: list[Any], tmp_path: Path
) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    assert said(*train, "--out", here)[0] == 0
    words = [*train, "--out", there, "--engine", "ray", "--address", ray_address]
    checkpoints = there / "checkpoints"
    killed_driver(lambda: checkpoints.exists() and any(checkpoints.iterdir()), *words)
    assert not (there / "model.safetensors").exists()
    assert said(*words)[0] == 2  # a run is there
    code, lines = said(*words, "--resume", "auto")
    assert code == 0, lines
    ours, theirs = (load_file(run / "model.safetensors") for run in (there, here))
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    assert not list(tmp_path.glob(".there*"))


def test_a_driver_killed_while_comparing_goes_on_with_the_runs_that_are_open(
    ray_address: str, compare: list[Any], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    words = [*compare, "--out", out, "--engine", "ray", "--address", ray_address]
    killed_driver(lambda: list((out / "runs").rglob("outcome.json")), *words)
    (first, *_) = (out / "runs").rglob("outcome.json")
    before = first.stat().st_mtime_ns
    code, lines = said(*words)
    assert code == 0, lines
    found = [json.loads(path.read_text()) for path in (out / "runs").rglob("outcome.json")]
    assert len(found) > 1
    assert {outcome["status"] for outcome in found} == {"ok"}
    assert first.stat().st_mtime_ns == before
