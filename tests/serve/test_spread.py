"""Shards of a cluster: killed replicas, servers and folders cost no answer but their own."""

import logging
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.ray_cluster import ENVIRONMENT, processes
from tests.serve.test_shards import IDENTITY, asked_of
from tests.serve.test_shards import index as index
from zoo.cluster import Cluster
from zoo.embedding.vector_file import VECTORS
from zoo.errors import UnavailableError, UsageError
from zoo.index import Index, Record
from zoo.index.reader import Reader
from zoo.serve.shards import Router
from zoo.serve.spread import OURS, Spread, _check_room, spread


def test_more_replicas_than_the_cluster_has_cpus_for_are_refused() -> None:
    with pytest.raises(UsageError, match="2 shards x 2 replicas take 4 CPUs, the cluster has 2"):
        _check_room(Spread(Cluster(), 2, 2), {"CPU": 2.0})


def replicas(shard: str) -> list[int]:
    """Ray Serve's processes of a shard, of all servers."""
    return [pid for pid in processes(f"ray::ServeReplica:{OURS}") if shard in title(pid)]


def title(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_text()


@pytest.mark.cluster
@pytest.mark.filterwarnings("ignore")
def test_killed_replicas_and_new_generations_fail_no_search(ray_address: str, index: Index) -> None:
    queries = torch.randn(5, 16)
    how = Spread(Cluster(ray_address, cpus=0.1), shards=2, replicas=2, seconds=30)
    expected = asked_of(index, queries)
    log: dict[str, Any] = {"answers": 0, "wrong": 0, "missing": [], "slowest": 0.0}
    over = threading.Event()

    def load(router: Reader) -> None:
        while not over.is_set():
            began = time.monotonic()
            log["wrong"] += asked_of(router, queries) != expected
            log["answers"] += 3
            log["missing"] += router.absent()
            log["slowest"] = max(log["slowest"], time.monotonic() - began)

    def some_more(asking: Future[None]) -> None:
        enough = log["answers"] + 30
        while log["answers"] < enough and not asking.done():
            time.sleep(0.05)

    with spread(how) as open_reader, ThreadPoolExecutor() as pool:
        asking = pool.submit(load, open_reader(index.folder))
        some_more(asking)
        (victim, *_) = replicas("shard-0")
        os.kill(victim, signal.SIGKILL)
        some_more(asking)
        index.compact()
        fresh = open_reader(index.folder)
        assert asked_of(fresh, queries) == asked_of(index, queries)
        some_more(asking)
        over.set()
        asking.result()
    logging.getLogger(__name__).warning("%s", log)
    assert (log["wrong"], log["missing"]) == (0, []), log
    assert log["answers"] >= 90, log


@pytest.mark.cluster
@pytest.mark.filterwarnings("ignore")
def test_a_shard_that_finds_no_segment_or_another_one_is_named(
    ray_address: str, index: Index, tmp_path: Path
) -> None:
    other = Index.from_vectors(
        tmp_path / "other", torch.eye(16)[:10].repeat(10, 1), index_rows(index), IDENTITY
    )
    queries = torch.randn(5, 16)
    with spread(Spread(Cluster(ray_address, cpus=0.1), shards=2, seconds=30)) as open_reader:
        opened = open_reader(index.folder)
        assert isinstance(opened, Router)
        changes: tuple[Callable[[Path], None], ...] = (lost, partial(replaced, other))
        for number, change in enumerate(changes):
            router = Router.open(shutil.copytree(index.folder, tmp_path / f"copy{number}"))
            change(router.segments[1].home)
            router.handles, router.seconds = opened.handles, 30
            with pytest.raises(UnavailableError, match="shard 1 cannot search .*000002"):
                router.try_shards()
            hits = router.search(queries, 400)[0]
            assert router.absent() == ("shard 1",)
            assert {hit.record.id // 100 for hit in hits} == {0, 2, 3}


def lost(home: Path) -> None:
    """What a machine sees that does not have the folder."""
    shutil.rmtree(home)


def replaced(other: Index, home: Path) -> None:
    """What a machine sees that has another index under the path."""
    shutil.copy(other.segments[0].home / VECTORS, home / VECTORS)


def index_rows(index: Index) -> list[Record]:
    return [hit.record for hit in index.items(index.ids()[:100])]


SERVER = """
import sys
from zoo.cluster import Cluster
from zoo.serve.spread import Spread, spread
with spread(Spread(Cluster(sys.argv[1], cpus=0.1))):
    print("ready", flush=True)
    sys.stdin.read()
"""


def server(address: str) -> subprocess.Popen[str]:
    """Another server of a shard, in a process of its own, ready."""
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    command = [sys.executable, "-W", "ignore", "-c", SERVER, address]
    process = subprocess.Popen(command, env=ENVIRONMENT, **pipes)
    assert process.stdout is not None
    assert any("ready" in line for line in process.stdout)
    return process


@pytest.mark.cluster
@pytest.mark.filterwarnings("ignore")
def test_servers_share_a_cluster_and_a_killed_one_leaves_it_no_shard(
    ray_address: str, index: Index
) -> None:
    with server(ray_address) as first:
        first.kill()
    (left,) = replicas("shard-0")
    queries = torch.randn(5, 16)
    with spread(Spread(Cluster(ray_address, cpus=0.1), seconds=30)) as open_reader:
        assert left not in replicas("shard-0")
        router = open_reader(index.folder)
        with server(ray_address) as second:
            assert len(replicas("shard-0")) == 2
            second.communicate("")
        assert second.returncode == 0
        assert asked_of(router, queries) == asked_of(index, queries)
        assert router.absent() == ()
    assert replicas("shard-0") == []
