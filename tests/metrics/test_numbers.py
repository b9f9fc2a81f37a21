"""A score that is not a number is an error in every metric, wherever it stands."""

import inspect
from collections.abc import Callable
from importlib import import_module
from pkgutil import iter_modules

import pytest
import torch
from torch import Tensor

import zoo.metrics
from zoo.errors import DataError
from zoo.metrics import (
    correlation,
    graded,
    landmarks,
    per_query,
    ranks,
    retrieval,
    summary,
    voc,
)

RELEVANT = torch.tensor([[True, False, False, True, False], [False, False, True, False, False]])
LEVELS = RELEVANT.long() * 2 + torch.tensor([0, 1, 0, 0, 1])
IDS = torch.arange(2), torch.arange(5)
Metric = Callable[[Tensor], object]

# What each metric makes of a (2, 5) table of scores.
METRICS: dict[Callable[..., object], Metric] = {
    retrieval.leave_out: lambda s: retrieval.leave_out(s, RELEVANT, *IDS),
    retrieval.recall_at_k: lambda s: retrieval.recall_at_k(s, RELEVANT),
    retrieval.precision_at_k: lambda s: retrieval.precision_at_k(s, RELEVANT),
    retrieval.mean_average_precision: lambda s: retrieval.mean_average_precision(s, RELEVANT),
    retrieval.map_at_r: lambda s: retrieval.map_at_r(s, RELEVANT),
    retrieval.r_precision: lambda s: retrieval.r_precision(s, RELEVANT),
    retrieval.mean_reciprocal_rank: lambda s: retrieval.mean_reciprocal_rank(s, RELEVANT),
    retrieval.median_rank: lambda s: retrieval.median_rank(s, RELEVANT),
    retrieval.mean_rank: lambda s: retrieval.mean_rank(s, RELEVANT),
    retrieval.ndcg: lambda s: retrieval.ndcg(s, LEVELS),
    retrieval.h_ap: lambda s: retrieval.h_ap(s, LEVELS),
    retrieval.asi: lambda s: retrieval.asi(s, LEVELS),
    ranks.positive_ranks: lambda s: ranks.positive_ranks(s, RELEVANT),
    graded.at_level: lambda s: graded.at_level(s, LEVELS, 1),
    graded.ndcg_per_query: lambda s: graded.ndcg_per_query(s, LEVELS),
    graded.h_ap_per_query: lambda s: graded.h_ap_per_query(s, LEVELS, 2),
    graded.asi_per_query: lambda s: graded.asi_per_query(s, LEVELS, 2),
    graded.ranked_levels: lambda s: graded.ranked_levels(s, LEVELS),
    per_query.positives: lambda s: per_query.positives(s.double()),
    per_query.first_rank: lambda s: per_query.first_rank(s.double()),
    per_query.hit_at_k: lambda s: per_query.hit_at_k(s.double(), 1),
    per_query.precision_at_k: lambda s: per_query.precision_at_k(s.double(), 1),
    per_query.average_precision: lambda s: per_query.average_precision(s.double(), 3),
    per_query.average_precision_at_r: lambda s: per_query.average_precision_at_r(s.double()),
    per_query.r_precision: lambda s: per_query.r_precision(s.double()),
    per_query.reciprocal_rank: lambda s: per_query.reciprocal_rank(s.double()),
    voc.voc_map: lambda s: voc.voc_map(s, RELEVANT, difficult=RELEVANT),
    voc.voc_ap: lambda s: voc.voc_ap(s, RELEVANT, difficult=RELEVANT),
    voc.precision_recall: lambda s: voc.precision_recall(s.flatten(), RELEVANT.flatten()),
    landmarks.trapezium_ap: lambda s: landmarks.trapezium_ap(s.flatten(), 3),
    landmarks.precision_of: lambda s: landmarks.precision_of(s.flatten(), 3),
    correlation.spearman: lambda s: correlation.spearman(s.flatten(), torch.arange(10.0)),
    correlation.kendall: lambda s: correlation.kendall(torch.arange(10.0), s.flatten()),
    correlation.mean_ranks: lambda s: correlation.mean_ranks(s.flatten()),
}
WITHOUT_SCORES = {  # ids, the NaN of a query without a value, and means of such
    summary.summarise,
    landmarks.revisited_map,
    landmarks.revisited_query,
    per_query.mean_of,
    retrieval.median_of,
}


def functions_of_tensors() -> set[Callable[..., object]]:
    """Every public function of the room that is given a tensor."""
    found: set[Callable[..., object]] = set()
    for module in iter_modules(zoo.metrics.__path__, "zoo.metrics."):
        if module.name.endswith("uncertainty"):
            continue  # its NaN is a query that has no value
        for name, value in vars(import_module(module.name)).items():
            if inspect.isfunction(value) and value.__module__ == module.name and name[0] != "_":
                kinds = [str(p.annotation) for p in inspect.signature(value).parameters.values()]
                if any("Tensor" in kind for kind in kinds):
                    found.add(value)
    return found


def test_every_metric_is_listed_here() -> None:
    assert functions_of_tensors() == set(METRICS) | WITHOUT_SCORES


@pytest.mark.parametrize("place", range(10))
@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.__qualname__)
def test_one_score_that_is_no_number_is_an_error(metric: Callable[..., object], place: int) -> None:
    scores = torch.arange(1.0, 11.0).reshape(2, 5)
    scores.view(-1)[place] = torch.nan
    with pytest.raises(DataError, match="nan") as caught:
        METRICS[metric](scores)
    assert str(place) in str(caught.value) or f"row {place // 5}, column {place % 5}" in str(
        caught.value
    )


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.__qualname__)
def test_nothing_but_scores_that_are_no_numbers_is_an_error(metric: Callable[..., object]) -> None:
    with pytest.raises(DataError, match="nan"):
        METRICS[metric](torch.full((2, 5), torch.nan))


@pytest.mark.parametrize("metric", list(METRICS)[:17], ids=lambda metric: metric.__qualname__)
def test_infinite_scores_are_numbers(metric: Callable[..., object]) -> None:
    scores = torch.arange(1.0, 11.0).reshape(2, 5)
    scores[0, 1], scores[1, 2] = -torch.inf, torch.inf
    assert METRICS[metric](scores) is not None


def test_infinities_tie_with_each_other_in_a_rank_correlation() -> None:
    infinite = torch.tensor([1.0, torch.inf, torch.inf, -torch.inf])
    for correlate in (correlation.spearman, correlation.kendall):
        assert correlate(infinite, torch.tensor([1.0, 3, 2, 0])) == correlate(
            torch.tensor([1.0, 9, 9, -9]), torch.tensor([1.0, 3, 2, 0])
        )
