"""Comparing two results, and the intervals of one."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from zoo.errors import UsageError
from zoo.evaluation.paired import compare, intervals
from zoo.metrics.evaluation import Evaluation
from zoo.metrics.summary import summarise


def result(values: Tensor, ranks: Tensor) -> Evaluation:
    per_query = {"recall_at_1": values, "median_rank": ranks}
    return Evaluation(
        protocol="p",
        definition="d",
        metrics=summarise(per_query),
        queries=len(values),
        gallery=9,
        per_query=per_query,
        query_items=tuple(range(len(values))),
    )


@pytest.fixture
def pair() -> tuple[Evaluation, Evaluation]:
    generator = torch.Generator().manual_seed(0)
    a = (torch.rand(400, generator=generator) < 0.5).double()
    b = torch.maximum(a, (torch.rand(400, generator=generator) < 0.2).double())
    return result(a, 2 - a), result(b, 2 - b)


def test_the_better_model_is_named_with_how_much_and_how_sure(
    pair: tuple[Evaluation, Evaluation],
) -> None:
    (row,) = compare(*pair)
    assert (row.metric, row.verdict) == ("recall_at_1", "B is better")
    assert row.difference == pytest.approx(row.b - row.a)
    assert 0 < row.low < row.difference < row.high
    (back,) = compare(*pair[::-1])
    assert back.verdict == "A is better"
    (same,) = compare(pair[0], pair[0])
    assert (same.verdict, same.p_value) == ("no clear difference", 1)


def test_equal_results_that_are_no_means_do_not_differ(
    pair: tuple[Evaluation, Evaluation],
) -> None:
    def measured(rows: Tensor) -> dict[str, float]:
        return {"map": rows.double().mean().item()}

    one = replace(pair[0], metrics={"map": 0.5}, per_query={}, resampled=measured)
    (same,) = compare(one, one)
    assert (same.metric, same.verdict, same.p_value) == ("map", "no clear difference", 1)


def test_what_every_draw_measures_anew_is_drawn_two_hundred_times(
    pair: tuple[Evaluation, Evaluation],
) -> None:
    drawn: list[int] = []

    def measured(rows: Tensor) -> dict[str, float]:
        drawn.append(len(rows))
        return {"map": rows.double().mean().item()}

    one = replace(pair[0], metrics={"map": 0.5}, per_query={}, resampled=measured)
    intervals(one)
    assert drawn == [one.gallery] * 200
    compare(one, one)
    assert len(drawn) == 200 + 2 * 200


def test_medians_have_no_interval_of_means(pair: tuple[Evaluation, Evaluation]) -> None:
    found = intervals(pair[0])
    assert found.keys() == {"recall_at_1"}
    bound = found["recall_at_1"]
    assert bound.low < bound.mean < bound.high


def test_results_of_different_queries_are_not_compared(
    pair: tuple[Evaluation, Evaluation],
) -> None:
    a, b = pair
    with pytest.raises(UsageError, match="not of the same queries"):
        compare(a, replace(b, gallery=10))
