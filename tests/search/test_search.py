"""The one search: expansion, re-ranking and the query's own copy, against formulas by hand."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from jaxtyping import Float
from torch import Tensor

from zoo.errors import DataError, UsageError
from zoo.evaluation.queries import Task
from zoo.evaluation.refinement import Refinement, refined_blocks
from zoo.index import Index, ModelIdentity, Record
from zoo.search import search as room
from zoo.search.options import Reranking, SearchOptions, parse_reranking
from zoo.search.search import search


def ids(index: Index, queries: Tensor, options: SearchOptions) -> list[list[int]]:
    return [[hit.record.id for hit in answer.hits] for answer in search(index, queries, options)]


@pytest.mark.parametrize("alpha", [0.0, 3.0])
def test_an_expanded_query_is_the_weighted_mean_of_itself_and_its_neighbours(
    make_index: Callable[..., Index], points: Callable[..., Tensor], alpha: float
) -> None:
    index, query = make_index(50), points(1, seed=1)
    scores, rows = (query @ points(50).T)[0].topk(4)
    mean = query[0] + (scores.clamp(min=0) ** alpha) @ points(50)[rows]
    moved = mean / mean.norm()
    (answer,) = search(index, query, SearchOptions(k=50, expansion=4, alpha=alpha))
    found = {hit.record.id: hit.score for hit in answer.hits}
    expected = points(50) @ moved
    assert [found[i] for i in range(50)] == pytest.approx(expected.tolist(), abs=1e-5)
    assert search(index, query, SearchOptions(expansion=4, where="0"))[0].hits == []


def reranked_by_hand(
    vectors: Float[np.ndarray, "item dim"], k1: int, k2: int, plain: float
) -> Float[np.ndarray, " gallery"]:
    """Zhong et al.'s distance of item 0 to all others, with dense N x N matrices."""
    squared = np.maximum(2 - 2 * vectors @ vectors.T, 0)
    scaled = squared / squared.max(axis=1, keepdims=True)
    order = np.argsort(squared, axis=1, kind="stable")

    def near(i: int, k: int) -> set[int]:
        return set(order[i, : k + 1].tolist())

    def mutual(i: int, k: int) -> set[int]:
        return {j for j in near(i, k) if i in near(j, k)}

    encoded = np.zeros_like(squared)
    for i in range(len(vectors)):
        members = set(mutual(i, k1))
        for j in mutual(i, k1):
            theirs = mutual(j, round(k1 / 2))
            if len(theirs & mutual(i, k1)) > 2 / 3 * len(theirs):
                members |= theirs
        chosen = sorted(members)
        encoded[i, chosen] = np.exp(-scaled[i, chosen])
        encoded[i] /= encoded[i].sum()
    mean = np.stack([encoded[order[i, :k2]].mean(axis=0) for i in range(len(vectors))])
    small, large = (f(mean[0], mean).sum(axis=1) for f in (np.minimum, np.maximum))
    distance: Float[np.ndarray, " gallery"] = plain * scaled[0] + (1 - plain) * (1 - small / large)
    return distance[1:]


def test_re_ranked_hits_are_in_the_order_of_the_score_that_is_shown(
    make_index: Callable[..., Index], points: Callable[..., Tensor]
) -> None:
    index, queries = make_index(60), points(5, seed=1)
    options = SearchOptions(k=8, reranking=Reranking(6, 3, 0.3, among=25))
    changed = 0
    for query in queries:
        shortlist = (query @ points(60).T).topk(25).indices
        everything = torch.cat([query[None], points(60)[shortlist]]).double().numpy()
        distance = reranked_by_hand(everything, 6, 3, 0.3)
        order = np.argsort(distance, kind="stable")
        hits = search(index, query[None], options)[0].hits
        assert [hit.record.id for hit in hits] == shortlist[order][:8].tolist()
        assert [hit.rank for hit in hits] == [*range(1, 9)]
        scores = [hit.score for hit in hits]
        assert scores == pytest.approx((1 - distance[order][:8]).tolist(), abs=1e-5)
        assert scores == sorted(scores, reverse=True)
        assert hits[0].similarity == pytest.approx(float(query @ points(60)[hits[0].record.id]))
        assert hits[0].to_json()["similarity"] == hits[0].similarity
        changed += shortlist[order][:8].tolist() != shortlist[:8].tolist()
    assert changed > 0
    assert search(index, queries[:1], replace(options, where="0"))[0].hits == []


def test_evaluation_and_search_mean_the_same_by_the_same_options(
    make_index: Callable[..., Index], points: Callable[..., Tensor]
) -> None:
    index, queries = make_index(60), points(5, seed=1)
    task = Task("", "", torch.arange(5) + 60, torch.arange(60), itself=False)
    for expansion, reranking in ((4, None), (0, Reranking(6, 3, among=25)), (3, Reranking())):
        refinement = Refinement(expansion=expansion, reranking=reranking)
        for row in range(5):  # a search re-ranks each query alone
            alone = replace(task, queries=task.queries[row : row + 1])
            blocks = refined_blocks(queries[row : row + 1], points(60), alone, refinement)
            ((_, scores),) = blocks
            order = scores[0].argsort(descending=True, stable=True)[:10].tolist()
            options = SearchOptions(expansion=expansion, reranking=reranking)
            assert ids(index, queries[row : row + 1], options) == [order]


def test_the_querys_own_copy_is_found_but_neither_votes_nor_moves_it(
    make_index: Callable[..., Index], points: Callable[..., Tensor]
) -> None:
    index = make_index(60)
    query = points(60)[7:8]
    others = (query @ points(60).T)[0].index_fill(0, torch.tensor([7]), -2.0)
    near = others.topk(4)
    moved = torch.nn.functional.normalize(
        query[0] + (near.values.clamp(min=0) ** 3) @ points(60)[near.indices], dim=0
    )
    for copy in (7, "p-7"):
        (plain,) = search(index, query, SearchOptions(k=4), [copy])
        assert [hit.record.id for hit in plain.hits] == [7, *near.indices[:3].tolist()]
        assert sum(vote.support for vote in plain.votes if vote.level == "label_level_2") <= 4
        (expanded,) = search(index, query, SearchOptions(k=60, expansion=4), [copy])
        found = {hit.record.id: hit.score for hit in expanded.hits}
        assert found[0] == pytest.approx(float(moved @ points(60)[0]), abs=1e-5)
        reordered = SearchOptions(k=5, reranking=Reranking(6, 3, among=20))
        (answer,) = search(index, query, reordered, [copy])
        assert (answer.hits[0].record.id, answer.hits[0].score) == (7, 1.0)
        left = search(index, query, replace(reordered, without_copy=True), [copy])[0].hits
        assert [hit.record.id for hit in left[:4]] == [h.record.id for h in answer.hits[1:]]
        assert [hit.rank for hit in left] == [1, 2, 3, 4, 5]


@pytest.fixture
def crowded(
    tmp_path: Path, points: Callable[..., Tensor], identity: ModelIdentity
) -> tuple[Index, Tensor]:
    """An index of 60 items of which the first 12 have three contents, and its vectors."""
    vectors = points(60)
    vectors[:12] = vectors[:3].repeat(4, 1)
    content = [f"c{i % 3 if i < 12 else i}-" for i in range(60)]
    rows = [Record(f"{i}.png", content[i], labels={"label": f"l{i % 7}"}) for i in range(60)]
    return Index.from_vectors(tmp_path / "crowded", vectors, rows, identity), vectors


REFINED = [(0, None), (5, None), (0, Reranking(6, 3, among=20)), (5, Reranking(6, 3, among=20))]


@pytest.mark.parametrize(("expansion", "reranking"), REFINED)
def test_of_a_query_s_copies_one_is_itself_and_the_others_are_neighbours_as_in_an_evaluation(
    crowded: tuple[Index, Tensor], expansion: int, reranking: Reranking | None
) -> None:
    index, vectors = crowded
    task = Task("", "", torch.arange(60), torch.arange(60), itself=True)
    refinement = Refinement(expansion=expansion, reranking=reranking)
    scores = torch.cat([s.clone() for _, s in refined_blocks(vectors, vectors, task, refinement)])
    options = SearchOptions(k=8, expansion=expansion, reranking=reranking, without_copy=True)
    content = [hit.record.sha256 for hit in index.items(range(60))]
    for row in (0, 4, 11, 40):
        order = scores[row].index_fill(0, torch.tensor([row]), -9.0)
        expected = [content[i] for i in order.argsort(descending=True, stable=True)[:8].tolist()]
        for copy in (row, content[row]):  # which of equal items comes first, nobody says
            (found,) = search(index, vectors[row : row + 1], options, [copy])
            assert [hit.record.sha256 for hit in found.hits] == expected
            assert copy not in [hit.record.id for hit in found.hits]


@pytest.mark.parametrize("count", [1, 2, 6])
def test_as_many_neighbours_move_a_query_and_vote_however_many_copies_it_has(
    crowded: tuple[Index, Tensor], count: int
) -> None:
    index, vectors = crowded
    nearest = (vectors @ vectors[1]).index_fill(0, torch.tensor([1]), -9.0)
    near = nearest.argsort(descending=True, stable=True)[:count]
    (answer,) = search(index, vectors[1:2], SearchOptions(k=count), ["c1-"])
    assert [hit.record.id for hit in answer.hits] == [1, *near[: count - 1].tolist()]
    say = {f"l{i}": 0.0 for i in range(7)}
    for place in near.tolist():
        say[f"l{place % 7}"] += float(nearest[place].clamp(min=0)) ** 3
    (vote,) = answer.votes
    assert vote.label == max(say, key=lambda label: (round(say[label], 4), label))
    assert vote.confidence == pytest.approx(say[vote.label] / sum(say.values()), abs=1e-4)
    (moved,) = search(index, vectors[1:2], SearchOptions(k=60, expansion=count), ["c1-"])
    pull = (nearest[near].clamp(min=0) ** 3) @ vectors[near]
    expected = vectors @ torch.nn.functional.normalize(vectors[1] + pull, dim=0)
    found = {hit.record.id: hit.score for hit in moved.hits}
    assert [found[i] for i in range(60)] == pytest.approx(expected.tolist(), abs=1e-5)


def test_hits_below_the_threshold_are_left_out(
    make_index: Callable[..., Index], points: Callable[..., Tensor]
) -> None:
    index, query = make_index(60), points(1, seed=1)
    scores = (query @ points(60).T)[0].sort(descending=True).values
    middle = float(scores[4] + scores[5]) / 2
    assert len(search(index, query, SearchOptions(k=60, threshold=middle))[0].hits) == 5


def test_options_that_cannot_be_are_refused(
    make_index: Callable[..., Index],
    points: Callable[..., Tensor],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(UsageError, match="7 hits re-ranked cannot give 8"):
        SearchOptions(k=8, reranking=Reranking(among=7))
    with pytest.raises(UsageError, match="k=0"):
        SearchOptions(k=0)
    with pytest.raises(UsageError, match="zero or more"):
        SearchOptions(alpha=-1.0)
    for text in ("-1", "1.5", "some", ""):
        with pytest.raises(UsageError, match="--rerank"):
            parse_reranking(text)
    monkeypatch.setattr(room, "MOST", 20)
    with pytest.raises(UsageError, match="60 items are too many"):
        search(make_index(60), points(1), SearchOptions(reranking=Reranking()))


def test_parts_asked_together_are_the_mean_of_their_unit_vectors(
    make_index: Callable[..., Index], points: Callable[..., Tensor]
) -> None:
    index, parts = make_index(50), points(3, seed=2) * torch.tensor([[1.0], [5.0], [0.2]])
    mean = (parts / parts.norm(dim=1, keepdim=True)).mean(dim=0)
    expected = points(50) @ (mean / mean.norm())
    (answer,) = search(index, parts, SearchOptions(k=50, together=True))
    found = {hit.record.id: hit.score for hit in answer.hits}
    assert [found[i] for i in range(50)] == pytest.approx(expected.tolist(), abs=1e-5)
    opposed = torch.stack([parts[0], -parts[0]])
    with pytest.raises(DataError, match="cancel each other out"):
        search(index, opposed, SearchOptions(together=True))


def test_no_part_of_a_query_votes_or_is_found_when_copies_are_left_out(
    make_index: Callable[..., Index], points: Callable[..., Tensor]
) -> None:
    index = make_index(50)
    options = SearchOptions(k=10, together=True, without_copy=True, expansion=3)
    (answer,) = search(index, points(50)[[4, 7]], options, copies=[4, 7])
    found = [hit.record.id for hit in answer.hits]
    assert len(found) == 10
    assert not {4, 7} & set(found)
