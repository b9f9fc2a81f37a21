"""Shards: done once, done whole, and together the same as one run."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from zoo.data.dataset import ImageDataset, read_dataset
from zoo.embedding.identity import identify
from zoo.embedding.shards import Shard, Source, complete, embed_shard
from zoo.errors import DataError, IntegrityError, UsageError
from zoo.index import Index
from zoo.index.assembling import assemble

ROOT = Path(__file__).parents[2]
Model = Callable[..., Any]


def embedded(out: Path, model: Any, dataset: ImageDataset, total: int = 5) -> list[bool]:
    source = Source(model, identify(model, "colours"), dataset)
    return [embed_shard(out, Shard(n, total), source) for n in range(total)]


@pytest.fixture
def dataset(photos: Path) -> ImageDataset:
    return read_dataset(photos, require_labels=False)


def test_shards_together_are_the_index_of_one_run(
    tmp_path: Path, dataset: ImageDataset, colour_model: Model
) -> None:
    model = colour_model()
    assert embedded(tmp_path / "out", model, dataset) == [True] * 5
    whole = Index.build(tmp_path / "whole", model, dataset, name="colours")
    parts = assemble(tmp_path / "parts", tmp_path / "out")
    queries = model.embed_images(dataset.paths)
    assert parts.search(queries, 12) == whole.search(queries, 12)
    assert parts.manifest.model == whole.manifest.model


def test_a_second_run_embeds_only_what_is_missing(
    tmp_path: Path, dataset: ImageDataset, colour_model: Model
) -> None:
    embedded(tmp_path, colour_model(), dataset)
    for file in (tmp_path / Shard(3, 5).name).iterdir():
        file.unlink()
    (tmp_path / Shard(3, 5).name).rmdir()
    (tmp_path / f".{Shard(3, 5).name}.killed").mkdir()
    model = colour_model()
    assert embedded(tmp_path, model, dataset) == [False, False, False, True, False]
    assert model.looked_at == len(Shard(3, 5).of(dataset)) == 2
    assert not list(tmp_path.glob(".*"))


def test_a_shard_that_is_damaged_or_of_something_else_is_refused(
    tmp_path: Path, dataset: ImageDataset, colour_model: Model
) -> None:
    embedded(tmp_path, colour_model(), dataset)
    with pytest.raises(UsageError, match="other weights"):
        embedded(tmp_path, colour_model(gain=2.0), dataset)
    fewer = replace(dataset, items=dataset.items[1:])
    with pytest.raises(UsageError, match="made of other images"):
        embedded(tmp_path, colour_model(), fewer)
    vectors = tmp_path / Shard(2, 5).name / "vectors.faiss"
    vectors.write_bytes(vectors.read_bytes()[:-1] + b"x")
    for attempt in (
        lambda: embedded(tmp_path, colour_model(), dataset),
        lambda: assemble(tmp_path / "idx", tmp_path),
    ):
        with pytest.raises(IntegrityError, match="shard-00002-of-00005 is damaged"):
            attempt()


def test_missing_and_mixed_shards_are_named(
    tmp_path: Path, dataset: ImageDataset, colour_model: Model
) -> None:
    model = colour_model()
    with pytest.raises(DataError, match="holds no shard"):
        complete(tmp_path)
    source = Source(model, identify(model, "colours"), dataset)
    embed_shard(tmp_path, Shard(0, 2), source)
    with pytest.raises(DataError, match="lacks shard-00001-of-00002"):
        complete(tmp_path)
    embed_shard(tmp_path, Shard(1, 2), source)
    embed_shard(tmp_path, Shard(0, 3), source)
    with pytest.raises(DataError, match="mixes divisions"):
        complete(tmp_path)


@pytest.mark.parametrize("text", ["", "3", "3/3", "-1/4", "1/0", "a/b"])
def test_shards_that_cannot_be_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--shard"):
        Shard.parse(text)


def test_every_item_is_in_exactly_one_shard(dataset: ImageDataset) -> None:
    for total in (1, 5, 7, 12, 20):
        parts = [Shard(number, total).of(dataset).items for number in range(total)]
        assert tuple(item for part in parts for item in part) == dataset.items


JOB = """
import json, sys, time
from pathlib import Path
from zoo.data.preprocessing import Preprocessing
from zoo.embedding.cluster import Job, embed_on_ray
from zoo.embedding.options import EmbedOptions
from zoo.embedding.shards import shards_of
from zoo.models import EmbedderConfig, build_embedder, load_embedder
import torch

def slow_load(name, *, offline, device):
    time.sleep(0.5)
    return load_embedder(Path(name))

folder, images, out = map(Path, sys.argv[1:])
job = Job(slow_load, str(folder), images, options=EmbedOptions(batch_size=2))
print(json.dumps(embed_on_ray(out, shards_of("", 8), job)))
"""


def workers_of(driver: int) -> list[int]:
    """Ray's busy workers below the process `driver`: their titles name the task."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            title = (process / "cmdline").read_bytes()
            parent = int((process / "stat").read_text().rsplit(")", 1)[1].split()[1])
            grandparent = int(Path(f"/proc/{parent}/stat").read_text().rsplit(")", 1)[1].split()[1])
        except (OSError, ValueError, IndexError):
            continue
        if title.startswith(b"ray::embed_named") and driver in (parent, grandparent):
            found.append(int(process.name))
    return found


@pytest.mark.slow
def test_a_killed_ray_worker_loses_nothing_and_doubles_nothing(
    tmp_path: Path, photos: Path
) -> None:
    from zoo.data.preprocessing import Preprocessing
    from zoo.models import EmbedderConfig, build_embedder, load_embedder, save_embedder

    for number in range(28):
        Image.new("RGB", (8, 8), (9 * number, 5, 250 - 9 * number)).save(
            photos / "red" / f"n{number}.png"
        )
    config = EmbedderConfig("test_resnet", preprocessing=Preprocessing(size=32, resize=32))
    save_embedder(build_embedder(config), tmp_path / "model")
    arguments = [str(tmp_path / "model"), str(photos), str(tmp_path / "out")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-W", "ignore", "-c", JOB, *arguments]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE) as driver:
        while not (busy := workers_of(driver.pid)) and driver.poll() is None:
            time.sleep(0.2)
        os.kill(busy[0], signal.SIGKILL)
        output, _ = driver.communicate(timeout=600)
    result = json.loads(output.splitlines()[-1])
    assert result["done"] + result["kept"] == 8
    index = assemble(tmp_path / "idx", tmp_path / "out")
    model = load_embedder(tmp_path / "model")
    whole = Index.build(
        tmp_path / "whole", model, read_dataset(photos, require_labels=False), batch_size=2
    )
    found = sorted(hit.path for hit in index.items(index.ids()))
    assert found == sorted(hit.path for hit in whole.items(whole.ids()))
    assert len(found) == 40
