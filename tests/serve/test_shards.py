"""An index over a cluster: the answers of one process, whoever is killed meanwhile."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from zoo import __version__
from zoo.errors import UnavailableError
from zoo.index import Index, ModelIdentity, Plan, Record
from zoo.index.reader import Reader
from zoo.index.segment import nothing
from zoo.serve.shards import Asked, Router, Shard

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
        self.shard = Shard(1, __version__)
        self.answers = answers
        self.search = self
        self.heard: list[Asked] = []

    def remote(self, asked: Asked) -> "Response":
        self.heard.append(asked)
        return Response(self, asked)


class Response:
    """What is waited for."""

    def __init__(self, here: Here, asked: Asked) -> None:
        self.here, self.asked = here, asked

    def result(self, timeout_s: float) -> Any:
        if not self.here.answers:
            raise TimeoutError
        return self.here.shard.search(self.asked)

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


def test_a_shard_is_told_of_items_only_where_some_are_left_out(index: Index) -> None:
    router, queries = opened(index, [here := Here()]), torch.randn(2, 16)
    everything = router.search(queries, 10)
    told = [part.bits is None for part in here.heard[0].parts]
    assert told == [False, False, True, False]  # removed
    assert router.search(queries, 10, where="year >= 0") == everything
    assert all(part.bits is not None for part in here.heard[1].parts)
    searcher, plan = index.segments[2].searcher, index.plan
    for mask in (None, np.ones(100, bool)):
        found = searcher.search(queries.numpy(), 10, plan, mask)
        assert np.array_equal(found, searcher.search(queries.numpy(), 10, plan))


def test_a_shard_that_stays_away_is_named_and_the_others_answer(index: Index) -> None:
    queries = torch.randn(5, 16)
    router = opened(index, [Here(), Here(answers=False), Here(), Here()])
    assert {hit.record.id // 100 for hit in router.search(queries, 400)[0]} == {0, 2, 3}
    assert router.absent() == ("shard 1",)
    assert router.absent() == ()
    router.handles[1].answers = True
    assert {hit.record.id // 100 for hit in router.search(queries, 400)[0]} == {0, 1, 2, 3}
    assert nothing(3)[1].shape == (3, 0)


def test_a_shard_that_answers_for_one_segment_of_two_is_named(index: Index) -> None:
    router = opened(index, [Here(), Here()])
    shutil.rmtree(index.segments[1].home)  # what a machine sees that does not have the folder
    assert {hit.record.id // 100 for hit in router.search(torch.randn(1, 16), 400)[0]} == {0, 2, 3}
    assert router.absent() == ("shard 1",)
    with pytest.raises(UnavailableError, match="shard 1 cannot search .*000002"):
        router.try_shards()


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5])
def test_each_shard_is_asked_once_however_many_segments_it_has(index: Index, count: int) -> None:
    shards = [Here() for _ in range(count)]
    router, queries = opened(index, shards), torch.randn(5, 16)
    assert router.search(queries, 10) == index.search(queries, 10)
    assert [len(shard.heard) for shard in shards] == [1, 1, 1, 1, 0][:count]


def test_a_shard_that_answers_late_is_given_its_time_again(index: Index) -> None:
    queries, slow = torch.randn(1, 16), Here(answers=False)
    router = opened(index, [Here(), slow])
    router.search(queries, 400)
    assert router._late
    slow.answers = True  # what it was asked first comes now
    router._look_again()
    assert (router._away, router._late) == ({}, {})
