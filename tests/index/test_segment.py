"""A segment compares few candidates one by one, and asks its codes for the best of many."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from torch import Tensor

from zoo.index import Index, Plan, engine, segment
from zoo.index.engine import Found

HARD = Plan("HNSW8", ef_search=200)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Which way each search went, and whether it was told what to keep to."""
    ways: list[str] = []

    def exact(*arguments: Any) -> Found:
        ways.append("one by one")
        return honest_exact(*arguments)

    def search(*arguments: Any) -> Found:
        ways.append("codes, some" if len(arguments) > 5 else "codes, all")
        return honest_search(*arguments)

    honest_exact, honest_search = engine.exact, engine.search
    monkeypatch.setattr(engine, "exact", exact)
    monkeypatch.setattr(engine, "search", search)
    monkeypatch.setattr(segment, "SEARCH_EXACTLY", 20)
    return ways


@pytest.mark.parametrize(
    ("kept", "way"),
    [(1, "one by one"), (20, "one by one"), (21, "codes, some"), (50, "codes, all")],
)
def test_the_best_are_found_among_the_candidates_either_way(
    kept: int,
    way: str,
    make_index: Callable[..., Index],
    points: Callable[..., Tensor],
    asked: list[str],
) -> None:
    index = make_index(50, plan=HARD)
    vectors, queries = points(50).numpy(), points(6, seed=1).numpy()
    mask = np.zeros(50, bool)
    mask[::-1][:kept] = True
    scores, rows = index.segments[0].searcher.search(queries, 5, HARD, mask)
    similar = np.where(mask, queries @ vectors.T, -np.inf)
    best = np.argsort(-similar, axis=1)[:, : min(5, kept)]
    assert rows.tolist() == best.tolist()
    np.testing.assert_allclose(scores, np.take_along_axis(similar, best, 1), atol=1e-6)
    assert asked == [way]


def test_all_items_are_asked_for_without_a_look_at_any(
    make_index: Callable[..., Index], points: Callable[..., Tensor], asked: list[str]
) -> None:
    index = make_index(50, plan=HARD)
    queries = points(6, seed=1).numpy()
    assert index.segments[0].searcher.search(queries, 80, HARD)[1].shape == (6, 50)
    assert asked == ["codes, all"]
    only = index.segments[0]
    assert only.narrowed(only.alive) is None
    other = only.alive.copy()
    assert only.narrowed(other) is other
    index.remove(ids=[3])
    less = index.segments[0]
    assert less.narrowed(less.alive) is less.alive


def test_where_no_candidate_is_nothing_is_asked(
    make_index: Callable[..., Index], points: Callable[..., Tensor], asked: list[str]
) -> None:
    searcher = make_index(50, plan=HARD).segments[0].searcher
    scores, rows = searcher.search(points(6).numpy(), 5, HARD, np.zeros(50, bool))
    assert (scores.shape, rows.shape) == ((6, 0), (6, 0))
    assert asked == []
