"""Shards on a cluster: killed workers and drivers included, the index of one machine."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from PIL import Image

from tests.ray_cluster import ENVIRONMENT, Slow, killed_when, load_slow
from zoo.cluster import Cluster
from zoo.data.dataset import read_dataset
from zoo.embedding.cluster import Division, Job, embed_shards
from zoo.embedding.options import EmbedOptions
from zoo.errors import DataError
from zoo.index import Index, Plan
from zoo.index.assembling import AssembleOptions, build_divided

pytestmark = [pytest.mark.cluster, pytest.mark.filterwarnings("ignore")]
ACTOR = "ray::MapWorker(Map(Guarded))"
PLAN = Plan("IVF2,SQ8", refine=2)


@pytest.fixture
def many(photos: Path) -> Path:
    for number in range(148):
        colour = (number, 255 - number, 7 * number % 256)
        Image.new("RGB", (8, 8), colour).save(photos / "red" / f"n{number:03d}.png")
    return photos


def whole(folder: Path, images: Path) -> Index:
    dataset = read_dataset(images, require_labels=False)
    return Index.build(folder, Slow(0.0), dataset, name="0.02", plan=PLAN, batch_size=2)


def files_of(index: Index) -> dict[str, str]:
    return {name: facts.sha256 for name, facts in index.manifest.files.items()}


def test_killed_actors_lose_nothing_and_the_index_is_that_of_one_machine(
    ray_address: str, many: Path, tmp_path: Path
) -> None:
    job = Job(load_slow, "0.02", many, options=EmbedOptions(batch_size=2))
    division = Division(shards=8, cluster=Cluster(ray_address))
    work = tmp_path / ".idx.shards"
    with killed_when(lambda: len(list(work.glob("shard-*"))) in range(2, 7), ACTOR) as first:
        embed_shards(work, job, division)
    done = sorted(path.name for path in work.iterdir())
    with killed_when(lambda: bool(list(tmp_path.glob(".idx.*/.codes/*"))), ACTOR) as second:
        options = AssembleOptions(PLAN, cluster=division.cluster)
        built = build_divided(tmp_path / "idx", job, division, options)
    assert (len(first), len(second)) == (1, 1)
    assert len(done) == 8
    assert files_of(built) == files_of(whole(tmp_path / "whole", many))
    assert not list(tmp_path.glob(".*"))
    queries = torch.rand(20, 3)
    assert built.search(queries, 10) == Index.open(tmp_path / "whole").search(queries, 10)


DRIVER = """
import json, sys
from pathlib import Path
from tests.ray_cluster import load_slow
from zoo.cluster import Cluster
from zoo.embedding.cluster import Division, Job, embed_shards
from zoo.embedding.options import EmbedOptions

address, images, out = sys.argv[1:]
job = Job(load_slow, "0.02", Path(images), options=EmbedOptions(batch_size=2))
print(json.dumps(embed_shards(Path(out), job, Division(shards=8, cluster=Cluster(address)))))
"""


def test_fewer_images_than_shards_make_the_index_of_one_machine(
    ray_address: str, photos: Path, tmp_path: Path
) -> None:
    job = Job(load_slow, "0.02", photos, options=EmbedOptions(batch_size=2))
    division = Division(cluster=Cluster(ray_address))
    options = AssembleOptions(PLAN, cluster=division.cluster)
    built = build_divided(tmp_path / "idx", job, division, options)
    assert built.manifest.history[-1]["shards"] == 16
    assert files_of(built) == files_of(whole(tmp_path / "whole", photos))


def test_a_killed_driver_goes_on_where_it_stopped(
    ray_address: str, many: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    command = [sys.executable, "-W", "ignore", "-c", DRIVER, ray_address, str(many), str(out)]
    with subprocess.Popen(command, env=ENVIRONMENT) as driver:
        while len(list(out.glob("shard-*"))) < 3 and driver.poll() is None:
            time.sleep(0.02)
        os.kill(driver.pid, signal.SIGKILL)
    again = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=True)
    done = json.loads(again.stdout.splitlines()[-1])
    assert done["kept"] >= 3
    assert done["done"] + done["kept"] == 8


def test_a_bad_image_is_the_same_error_there_as_here(
    ray_address: str, many: Path, tmp_path: Path
) -> None:
    job = Job(load_slow, "0", many)
    (many / "red" / "bad.png").write_bytes(b"no image")
    for cluster in (None, Cluster(ray_address)):
        with pytest.raises(DataError, match="bad.png"):
            embed_shards(tmp_path / "out", job, Division(shards=2, cluster=cluster))
