"""An index over a cluster: the answers of one process, whoever is killed meanwhile."""

import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.ray_cluster import processes
from zoo.cluster import Cluster
from zoo.errors import UsageError
from zoo.index import Index, ModelIdentity, Plan, Record
from zoo.index.reader import Reader
from zoo.index.segment import nothing
from zoo.serve.shards import Asked, Router, Shard, Spread, _check_room, spread

IDENTITY = ModelIdentity("colours", "0" * 64, {})


@pytest.fixture
def index(tmp_path: Path) -> Index:
    """Four segments of a hundred items, some removed, with codes."""
    draw = torch.Generator().manual_seed(0)

    def points() -> Tensor:
        return torch.nn.functional.normalize(torch.randn(100, 16, generator=draw), dim=1)

    def rows(part: int) -> list[Record]:
        return [Record(f"{part}-{n}.png", extra={"year": str(n)}) for n in range(100)]

    plan = Plan("IVF4,SQ8", refine=2, nprobe=2)
    made = Index.from_vectors(tmp_path / "idx", points(), rows(0), IDENTITY, plan=plan)
    for part in (1, 2, 3):
        made.add_vectors(points(), rows(part))
    made.remove(ids=[0, 150, 399])
    return made


class Here:
    """Stands for a deployment's handle: answers in this process, or not at all."""

    def __init__(self, answers: bool = True) -> None:
        self.shard = Shard(1)
        self.answers = answers
        self.search = self

    def remote(self, asked: Asked) -> "Here":
        self.asked = asked
        return self

    def result(self, timeout_s: float) -> Any:
        if not self.answers:
            raise TimeoutError
        return self.shard.search(self.asked)

    def cancel(self) -> None:
        pass


def opened(index: Index, handles: list[Any]) -> Router:
    router = Router.open(index.folder)
    router.handles, router.seconds = handles, 1
    return router


def asked_of(reader: Reader, queries: Tensor) -> list[Any]:
    filters = (None, "year > 20", "year = 7")
    return [reader.search(queries, 10, where=where) for where in filters]


def test_a_router_answers_as_one_process_filters_and_removed_items_included(
    index: Index,
) -> None:
    queries = torch.randn(5, 16)
    router = opened(index, [Here(), Here(), Here(), Here()])
    assert asked_of(router, queries) == asked_of(index, queries)
    assert router.absent() == ()
    vectors = router.vectors_of([1, 301])
    assert all(torch.equal(vectors[i], index.vectors_of([i])[i]) for i in (1, 301))


def test_a_shard_that_stays_away_is_named_and_the_others_answer(index: Index) -> None:
    queries = torch.randn(5, 16)
    router = opened(index, [Here(), Here(answers=False), Here(), Here()])
    assert {hit.record.id // 100 for hit in router.search(queries, 400)[0]} == {0, 2, 3}
    assert router.absent() == ("shard 1",)
    assert router.absent() == ()
    router.handles[1].answers = True
    assert {hit.record.id // 100 for hit in router.search(queries, 400)[0]} == {0, 1, 2, 3}
    assert nothing(3)[1].shape == (3, 0)


def test_more_replicas_than_the_cluster_has_cpus_for_are_refused() -> None:
    with pytest.raises(UsageError, match="2 shards x 2 replicas take 4 CPUs, the cluster has 2"):
        _check_room(Spread(Cluster(), 2, 2), {"CPU": 2.0})


@pytest.mark.cluster
@pytest.mark.filterwarnings("ignore")
def test_killed_replicas_and_new_generations_fail_no_search(ray_address: str, index: Index) -> None:
    queries = torch.randn(5, 16)
    how = Spread(Cluster(ray_address, cpus=0.1), shards=2, replicas=2, seconds=30)
    log: dict[str, Any] = {"answers": 0, "missing": [], "slowest": 0.0}
    with spread(how) as open_reader:
        router = open_reader(index.folder)
        expected = asked_of(index, queries)
        stop = threading.Event()

        def load() -> None:
            while not stop.is_set():
                began = time.monotonic()
                assert asked_of(router, queries) == expected
                log["answers"] += 3
                log["missing"] += router.absent()
                log["slowest"] = max(log["slowest"], time.monotonic() - began)

        under = threading.Thread(target=load)
        under.start()
        time.sleep(1)
        (victim, *_) = processes("ray::ServeReplica:rankzoo-shard-0")
        os.kill(victim, signal.SIGKILL)
        time.sleep(3)
        index.compact()
        fresh = open_reader(index.folder)
        assert asked_of(fresh, queries) == asked_of(index, queries)
        stop.set()
        under.join()
    assert log["answers"] > 10, log
    assert log["missing"] == [], log
