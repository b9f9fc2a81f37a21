"""Building, opening and searching."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from zoo.errors import DataError, UnavailableError, UsageError
from zoo.index import Index, ModelIdentity, Plan, Record

KINDS = ["Flat", "HNSW16", "IVF4,Flat", "IVF4,SQ8", "IVF4,PQ8x4fs"]


def best(vectors: Tensor, queries: Tensor, k: int, allowed: list[int]) -> list[list[int]]:
    """Brute force: the positions of the k nearest among the allowed."""
    scores = queries @ vectors[allowed].T
    return [[allowed[i] for i in row] for row in scores.topk(min(k, len(allowed))).indices.tolist()]


def ids(index: Index, queries: Tensor, k: int, where: str | None = None) -> list[list[int]]:
    return [[hit.record.id for hit in hits] for hits in index.search(queries, k, where=where)]


def exhaustive(kind: str) -> Plan:
    """A plan under which even an approximate kind must find the true neighbours."""
    return Plan(kind, refine=25, nprobe=4, ef_search=400)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_finds_what_brute_force_finds(
    kind: str, make_index: Callable[..., Index], points: Callable[..., Tensor]
) -> None:
    index = make_index(200, plan=exhaustive(kind))
    queries = points(9, seed=1)
    assert ids(index, queries, 7) == best(points(200), queries, 7, list(range(200)))


@pytest.mark.parametrize("kind", KINDS)
def test_removed_items_are_never_found_again_and_the_rest_is_as_by_brute_force(
    kind: str, make_index: Callable[..., Index], points: Callable[..., Tensor]
) -> None:
    index = make_index(200, plan=exhaustive(kind))
    assert index.remove(where="label = 'class 3'", ids=[0], paths=["p1.png"]) == 42
    left = [i for i in range(2, 200) if i % 5 != 3]
    queries = points(9, seed=1)
    assert len(index) == len(left)
    assert ids(index, queries, 7) == best(points(200), queries, 7, left)
    index.compact()
    assert ids(index, queries, 7) == best(points(200), queries, 7, left)
    assert index.info()["removed"] == 0


@pytest.mark.parametrize("kind", KINDS)
def test_a_condition_selects_before_the_search_so_k_items_still_come(
    kind: str, make_index: Callable[..., Index], points: Callable[..., Tensor]
) -> None:
    index = make_index(200, plan=exhaustive(kind))
    queries = points(9, seed=1)
    allowed = [i for i in range(200) if i % 5 == 2 and i % 10 > 4]
    found = ids(index, queries, 7, "label = 'class 2' and year > 2004")
    assert found == best(points(200), queries, 7, allowed)


def test_items_added_later_are_ranked_among_the_others(
    make_index: Callable[..., Index],
    points: Callable[..., Tensor],
    records: Callable[..., list[Record]],
) -> None:
    index = make_index(100)
    index.add_vectors(points(50, seed=2), records(50, "new"))
    together = torch.cat([points(100), points(50, seed=2)])
    queries = points(9, seed=1)
    assert ids(index, queries, 12) == best(together, queries, 12, list(range(150)))
    index.compact()
    assert ids(Index.open(index.folder), queries, 12) == best(
        together, queries, 12, list(range(150))
    )


def test_ids_are_never_given_twice(
    make_index: Callable[..., Index],
    points: Callable[..., Tensor],
    records: Callable[..., list[Record]],
) -> None:
    index = make_index(10)
    index.remove(ids=[9])
    index.compact()
    index.add_vectors(points(1, seed=5), records(1, "new"))
    assert ids(index, points(1, seed=5), 1) == [[10]]


def test_a_hit_tells_rank_score_path_and_metadata(
    make_index: Callable[..., Index], points: Callable[..., Tensor]
) -> None:
    index = make_index(20, root=Path("/photos"))
    hit = index.search(points(20)[7:8], 1)[0][0].to_json()
    assert hit.pop("score") == pytest.approx(1.0, abs=1e-6)
    assert hit == {
        "rank": 1,
        "path": "/photos/p7.png",
        "id": 7,
        "label": "class 2",
        "label_level_2": "group 1",
        "year": 2007,
    }


def test_more_hits_than_items_gives_the_items(
    make_index: Callable[..., Index], points: Callable[..., Tensor]
) -> None:
    assert len(make_index(5).search(points(1), 50)[0]) == 5


def test_a_condition_nothing_fulfils_gives_no_hit(
    make_index: Callable[..., Index], points: Callable[..., Tensor]
) -> None:
    assert make_index(5).search(points(2), 3, where="label = 'no such'") == [[], []]


def test_an_index_emptied_of_items_still_answers(
    make_index: Callable[..., Index], points: Callable[..., Tensor]
) -> None:
    index = make_index(5)
    index.remove(where="1")
    assert len(index) == 0
    assert index.search(points(1), 3) == [[]]
    with pytest.raises(UsageError, match="no living item"):
        index.compact()


def test_queries_that_cannot_be_are_refused(
    make_index: Callable[..., Index], points: Callable[..., Tensor]
) -> None:
    index = make_index(5)
    with pytest.raises(UsageError, match="k=0"):
        index.search(points(1), 0)
    with pytest.raises(UsageError, match="3 dimensions, the index's model makes 16"):
        index.search(torch.ones(1, 3))
    with pytest.raises(DataError, match="query 1 has no direction"):
        index.search(torch.stack([points(1)[0], torch.zeros(16)]))
    with pytest.raises(DataError, match="query 0 has no direction"):
        index.search(points(1) * float("nan"))


def test_no_query_gives_no_answer(make_index: Callable[..., Index]) -> None:
    assert make_index(5).search(torch.empty(0, 16)) == []


def test_another_models_queries_are_refused(
    make_index: Callable[..., Index], points: Callable[..., Tensor], identity: ModelIdentity
) -> None:
    index = make_index(5)
    assert index.search(points(1), 1, model=replace(identity, name="same weights, other place"))
    with pytest.raises(UsageError, match="built with other weights"):
        index.search(points(1), 1, model=replace(identity, weights_sha256="1" * 64))
    with pytest.raises(UsageError, match="not their preprocessing"):
        index.search(points(1), 1, model=replace(identity, config={"size": 9}))


def test_vectors_are_brought_to_unit_length(
    tmp_path: Path,
    points: Callable[..., Tensor],
    records: Callable[..., list[Record]],
    identity: ModelIdentity,
) -> None:
    long = points(30) * torch.arange(1, 31)[:, None]
    index = Index.from_vectors(tmp_path / "idx", long, records(30), identity)
    assert ids(index, points(30) * 5, 1) == [[i] for i in range(30)]
    assert index.search(points(1) * 9, 1)[0][0].score == pytest.approx(1.0, abs=1e-6)


def test_an_index_is_never_overwritten_nor_begun_with_nothing(
    make_index: Callable[..., Index],
    tmp_path: Path,
    identity: ModelIdentity,
) -> None:
    make_index(5)
    with pytest.raises(UsageError, match="already exists"):
        make_index(5)
    with pytest.raises(DataError, match="nothing to index"):
        Index.from_vectors(tmp_path / "none", torch.empty(0, 16), [], identity)
    assert not (tmp_path / "none").exists()


def test_opening_what_is_no_index_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="is no index"):
        Index.open(tmp_path)


def test_an_unknown_id_or_path_removes_nothing(make_index: Callable[..., Index]) -> None:
    index = make_index(5)
    with pytest.raises(UnavailableError, match="id 99 is not in the index"):
        index.remove(ids=[0, 99])
    with pytest.raises(UnavailableError, match="path 'x.png' is not"):
        index.remove(paths=["p0.png", "x.png"])
    assert len(Index.open(index.folder)) == 5


def test_kinds_that_cannot_be_are_refused_before_anything_is_written(
    make_index: Callable[..., Index], tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="unknown"):
        make_index(5, plan=Plan("LSH"))
    with pytest.raises(UsageError, match="cannot hold 16 dimensions"):
        make_index(50, plan=Plan("IVF2,PQ7x4fs"))
    with pytest.raises(UsageError, match="too few"):
        make_index(50, plan=Plan("IVF64,Flat"))
    assert list(tmp_path.iterdir()) == []
