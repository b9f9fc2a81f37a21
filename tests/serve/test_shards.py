"""An index over a cluster: the answers of one process, whoever is killed meanwhile."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from zoo import __version__
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

    def __init__(self, answers: bool = True, deaf_to: str = "") -> None:
        self.shard = Shard(1, __version__)
        self.answers = answers
        self.deaf_to = deaf_to
        self.search = self

    def remote(self, asked: Asked) -> "Response":
        return Response(self, asked)


class Response:
    """What is waited for."""

    def __init__(self, here: Here, asked: Asked) -> None:
        self.here, self.asked = here, asked

    def result(self, timeout_s: float) -> Any:
        if not self.here.answers or self.asked.name == self.here.deaf_to:
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
    router = opened(index, [Here(), Here(deaf_to="000002")])
    assert {hit.record.id // 100 for hit in router.search(torch.randn(1, 16), 400)[0]} == {0, 2, 3}
    assert router.absent() == ("shard 1",)


def test_a_shard_that_answers_late_is_given_its_time_again(index: Index) -> None:
    queries, slow = torch.randn(1, 16), Here(answers=False)
    router = opened(index, [Here(), slow])
    router.search(queries, 400)
    assert router._late
    slow.answers = True  # what it was asked first comes now
    router._look_again()
    assert (router._away, router._late) == ({}, {})
