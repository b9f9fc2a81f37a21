"""Hierarchical metrics against plain Python and golden numbers."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from zoo.metrics import retrieval
from zoo.metrics.graded import asi_per_query, at_level, h_ap_per_query, ndcg_per_query
from zoo.ranking.levels import common_levels

Golden = tuple[Tensor, Tensor]
Parity = Callable[..., None]


@pytest.fixture
def graded() -> Golden:
    generator = torch.Generator().manual_seed(3)
    scores = torch.rand(12, 50, generator=generator, dtype=torch.float64)
    return scores, torch.randint(0, 4, (12, 50), generator=generator)


def plain_h_ap(levels: list[int], depth: int, alpha: float) -> float:
    sizes = {level: levels.count(level) for level in set(levels)}
    worth: list[float] = [(level / depth) ** alpha / sizes[level] for level in levels]
    total = 0.0
    for rank, (level, mine) in enumerate(zip(levels, worth, strict=True), start=1):
        if level:
            total += (mine + sum(min(w, mine) for w in worth[: rank - 1])) / rank
    return total / sum(worth)


def plain_asi(levels: list[int]) -> float:
    ideal = sorted(levels, reverse=True)
    depth = sum(level > 0 for level in levels)
    shares = []
    for n in range(1, depth + 1):
        wanted = [level for level in ideal[:n] if level]
        got = [level for level in levels[:n] if level]
        shares.append(sum(min(got.count(v), wanted.count(v)) for v in set(wanted)) / n)
    return sum(shares) / depth


def ranked(scores: Tensor, levels: Tensor) -> list[list[int]]:
    order = scores.argsort(dim=1, descending=True)
    rows: list[list[int]] = levels.gather(1, order).tolist()
    return rows


def plain_ndcg(levels: list[int], k: int | None) -> float:
    def gain(ranked: list[int]) -> float:
        return sum((2.0**level - 1) / math.log2(1 + n) for n, level in enumerate(ranked[:k], 1))

    return gain(levels) / gain(sorted(levels, reverse=True))


@pytest.mark.parametrize("k", [None, 1, 5, 49])
def test_ndcg_equals_its_plain_definition(graded: Golden, parity: Parity, k: int | None) -> None:
    expected = [plain_ndcg(row, k) for row in ranked(*graded)]
    parity(f"NDCG, k {k}", "brute force", ndcg_per_query(*graded, k), expected)


@pytest.mark.parametrize("alpha", [1.0, 2.0])
def test_h_ap_equals_its_plain_definition(graded: Golden, parity: Parity, alpha: float) -> None:
    expected = [plain_h_ap(row, depth=3, alpha=alpha) for row in ranked(*graded)]
    parity(f"H-AP, alpha {alpha:g}", "brute force", h_ap_per_query(*graded, 3, alpha), expected)


def test_h_ap_weighs_levels_evenly_unless_told(graded: Golden) -> None:
    torch.testing.assert_close(h_ap_per_query(*graded, 3), h_ap_per_query(*graded, 3, alpha=1.0))
    assert float(retrieval.h_ap(*graded)) == float(retrieval.h_ap(*graded, depth=3, alpha=1.0))
    assert float(retrieval.h_ap(*graded)) != float(retrieval.h_ap(*graded, depth=4))


def test_asi_equals_its_plain_definition(graded: Golden, parity: Parity) -> None:
    expected = [plain_asi(row) for row in ranked(*graded)]
    parity("ASI", "brute force", asi_per_query(*graded, 3), expected)


def test_one_relative_gives_asi_its_own_rank_or_nothing() -> None:
    levels = torch.tensor([[1, 0, 0]])
    assert asi_per_query(torch.tensor([[0.9, 0.5, 0.1]]), levels, 1).tolist() == [1.0]
    assert asi_per_query(torch.tensor([[0.5, 0.9, 0.1]]), levels, 1).tolist() == [0.0]
    none = asi_per_query(torch.rand(1, 3), torch.zeros(1, 3, dtype=torch.long), 1)
    assert math.isnan(none.item())


def test_the_number_of_levels_is_the_largest_seen_and_one_where_nothing_is_shared() -> None:
    scores, levels = torch.tensor([[0.9, 0.8, 0.7]]), torch.tensor([[0, 2, 1]])
    assert float(retrieval.asi(scores, levels)) == float(retrieval.asi(scores, levels, depth=2))
    assert float(retrieval.h_ap(scores, levels)) != float(retrieval.h_ap(scores, levels, depth=3))
    assert math.isnan(retrieval.h_ap(scores, torch.zeros(1, 3, dtype=torch.long)))


def test_the_golden_batch_has_its_published_h_ap_and_ndcg(golden: Golden, parity: Parity) -> None:
    vectors, labels = golden
    scores, levels = vectors @ vectors.T, common_levels(labels, labels)
    expected = [1 - 0.191727, 1 - 0.108995]
    got = [float(retrieval.h_ap(scores, levels)), float(retrieval.ndcg(scores, levels))]
    parity("H-AP, NDCG of the golden batch", "SupRank's code (6 digits)", got, expected, 1e-6)


def test_one_level_makes_h_ap_the_average_precision(graded: Golden) -> None:
    scores, levels = graded[0], (graded[1] > 1).long()
    plain = retrieval.mean_average_precision(scores, levels == 1)
    assert float(retrieval.h_ap(scores, levels)) == pytest.approx(float(plain), abs=1e-12)


def test_a_perfect_hierarchical_ranking_scores_one() -> None:
    levels = torch.tensor([3] * 2 + [2] * 5 + [1] * 10 + [0] * 20)[torch.randperm(37)][None]
    for metric in (retrieval.h_ap, retrieval.ndcg, retrieval.asi):
        assert float(metric(levels.double(), levels)) == pytest.approx(1, abs=1e-12)


def test_a_tie_puts_the_less_related_item_first() -> None:
    scores, levels = torch.zeros(1, 3), torch.tensor([[2, 1, 0]])
    worst = retrieval.h_ap(torch.tensor([[0.1, 0.2, 0.3]]), levels)
    assert float(retrieval.h_ap(scores, levels)) == pytest.approx(float(worst), abs=1e-12)


def test_the_level_below_leaves_closer_items_out_of_the_ranking() -> None:
    scores, levels = torch.tensor([[0.9, 0.8, 0.7, 0.6]]), torch.tensor([[2, 1, 0, 1]])
    got = retrieval.mean_average_precision(*at_level(scores, levels, wanted=1))
    assert float(got) == pytest.approx((1 / 1 + 2 / 3) / 2, abs=1e-12)


def test_a_query_without_relatives_is_left_out() -> None:
    scores, levels = torch.rand(2, 3), torch.tensor([[0, 0, 0], [1, 1, 1]])
    for metric in (retrieval.h_ap, retrieval.ndcg, retrieval.asi):
        assert float(metric(scores, levels)) == pytest.approx(1, abs=1e-12)


def test_many_shared_items_are_counted_without_overflow() -> None:
    scores = torch.linspace(1, 0, 300)[None]
    levels = torch.full((1, 300), 2, dtype=torch.int8)
    assert asi_per_query(scores, levels, 2).tolist() == pytest.approx([1.0])
    assert h_ap_per_query(scores, levels, 2).tolist() == pytest.approx([1.0])
