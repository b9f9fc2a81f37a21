"""Revisited Oxford and Paris against a plain loop and numbers worked out by hand."""

import math
from collections.abc import Callable

import pytest
import torch

from zoo.metrics.landmarks import revisited_map


def plain(row: list[int], positives: set[int], ignored: set[int]) -> tuple[float, list[float]]:
    """The protocol, one item at a time."""
    kept = [item for item in row if item not in ignored]
    area, found, ranks = 0.0, 0, []
    for place, item in enumerate(kept):
        if item in positives:
            before = found / place if place else 1.0
            found += 1
            area += (before + found / (place + 1)) / 2 / len(positives)
            ranks.append(place + 1)
    depths = [min(max(ranks), k) for k in (1, 5, 10)]
    return area, [sum(rank <= depth for rank in ranks) / depth for depth in depths]


@pytest.mark.parametrize("protocol", ["easy", "medium", "hard"])
def test_every_set_up_equals_the_plain_loop(protocol: str, parity: Callable[..., None]) -> None:
    generator = torch.Generator().manual_seed(0)
    ranks = torch.stack([torch.randperm(300, generator=generator) for _ in range(20)])
    groups = [torch.randperm(300, generator=generator)[:60].tolist() for _ in range(20)]
    easy, hard, junk = ([g[i : i + 20] for g in groups] for i in (0, 20, 40))
    expected = []
    for row, e, h, j in zip(ranks.tolist(), easy, hard, junk, strict=True):
        positives = {"easy": {*e}, "medium": {*e, *h}, "hard": {*h}}[protocol]
        expected.append(plain(row, positives, {*e, *h, *j} - positives))
    got = revisited_map(ranks, easy, hard, junk, protocol)  # type: ignore[arg-type]
    means = [sum(ap for ap, _ in expected) / 20]
    means += [sum(precision[n] for _, precision in expected) / 20 for n in range(3)]
    ours = [got[0], *got.mean_precision.values()]
    parity(f"revisited {protocol}: mAP, mP@1/5/10", "brute force", ours, means, 1e-12)


def test_junk_above_a_positive_costs_nothing() -> None:
    got = revisited_map(torch.tensor([[2, 0, 1]]), [[0]], [[]], [[2]], "easy")
    assert got == (1.0, {1: 1.0, 5: 1.0, 10: 1.0})


def test_the_trapezium_is_not_the_sum_of_precisions() -> None:
    # positives at ranks 1 and 3: (1 + 1)/2 and (1/2 + 2/3)/2, each worth half
    got = revisited_map(torch.tensor([[5, 6, 7]]), [[5, 7]], [[]], [[]], "easy")
    assert got[0] == pytest.approx((1 + 7 / 12) / 2, abs=1e-12)


def test_queries_without_a_positive_in_the_set_up_are_left_out() -> None:
    ranks = torch.tensor([[0, 1], [0, 1]])
    got = revisited_map(ranks, [[0], [0]], [[], [1]], [[], []], "hard")
    assert got[0] == pytest.approx(1.0)  # the easy image of the second query left its ranking
    assert math.isnan(revisited_map(ranks, [[0], [0]], [[], []], [[], []], "hard")[0])


def test_a_column_a_query_is_refused() -> None:
    with pytest.raises(ValueError, match="one row a query"):
        revisited_map(torch.zeros(5, 2, dtype=torch.int64), [[0]] * 2, [[]] * 2, [[]] * 2)
