"""Metrics on the pretended accelerator: the CPU's values."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from tests.accelerator import accelerator, on_cpu, on_device, same_on_both
from zoo.metrics import graded, per_query, retrieval
from zoo.metrics.correlation import kendall, mean_ranks, spearman
from zoo.metrics.landmarks import revisited_map
from zoo.metrics.ranks import positive_ranks
from zoo.metrics.uncertainty import bootstrap_mean, paired_difference
from zoo.metrics.voc import voc_ap, voc_map
from zoo.ranking.levels import common_levels

SCORES = (torch.rand(8, 30) * 10).round() / 10  # with ties
LABELS = torch.stack([torch.arange(30) % 6, torch.arange(30) % 2], dim=1)
LEVELS = common_levels(LABELS[:8], LABELS)

OF_RELEVANT: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    name: getattr(retrieval, name)
    for name in (
        "recall_at_k",
        "precision_at_k",
        "mean_average_precision",
        "map_at_r",
        "r_precision",
        "mean_reciprocal_rank",
        "median_rank",
        "mean_rank",
    )
} | {
    "map cut at 5": lambda s, r: retrieval.mean_average_precision(s, r, 5, "min(R, k)"),
    "ranks": lambda s, r: torch.cat([positive_ranks(s, r)]),
    "ap": lambda s, r: per_query.average_precision(positive_ranks(s, r)),
}
OF_LEVELS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "ndcg": retrieval.ndcg,
    "h_ap": retrieval.h_ap,
    "asi": retrieval.asi,
    "ndcg at 5": lambda s, levels: retrieval.ndcg(s, levels, 5),
    "sorted": graded.ranked_levels,
}


@pytest.mark.parametrize("name", OF_RELEVANT)
def test_a_metric_of_relevant_items(name: str) -> None:
    same_on_both(OF_RELEVANT[name], SCORES, LEVELS == 2)


@pytest.mark.parametrize("name", OF_LEVELS)
def test_a_metric_of_levels(name: str) -> None:
    same_on_both(OF_LEVELS[name], SCORES, LEVELS)


def test_common_levels_and_the_query_itself() -> None:
    same_on_both(common_levels, LABELS[:8], LABELS)
    own, theirs = torch.arange(8), torch.arange(30)
    same_on_both(retrieval.leave_out, SCORES, LEVELS == 2, own, theirs)


@pytest.mark.parametrize("metric", [spearman, kendall])
def test_a_correlation(metric: Callable[[Tensor, Tensor], Tensor]) -> None:
    same_on_both(metric, SCORES[0], SCORES[1])
    same_on_both(mean_ranks, SCORES[0])


def test_vocs_average_precision() -> None:
    scores, truth = torch.rand(40, 3), torch.rand(40, 3) > 0.6
    same_on_both(voc_ap, scores, truth, torch.rand(40, 3) > 0.8)
    same_on_both(lambda s, t: voc_map(s, t, interpolation="area"), scores, truth)


def test_the_revisited_protocol_and_the_uncertainty_of_a_mean() -> None:
    ranked = SCORES.argsort(dim=1, descending=True)
    same_on_both(lambda r: revisited_map(r, [[0, 3]] * 8, [[9]] * 8, [[4]] * 8), ranked)
    values = torch.rand(50, dtype=torch.float64)
    same_on_both(lambda v: vars(bootstrap_mean(v, draws=50)), values)
    same_on_both(lambda a, b: vars(paired_difference(a, b, draws=50)), values, values.flip(0))


def test_metrics_are_the_same_where_there_is_no_float64() -> None:
    for of_relevant in OF_RELEVANT.values():
        equal_without_doubles(of_relevant, SCORES, LEVELS == 2)
    for of_levels in OF_LEVELS.values():
        equal_without_doubles(of_levels, SCORES, LEVELS)
    for correlation in (spearman, kendall):
        equal_without_doubles(correlation, SCORES[0], SCORES[1])
    equal_without_doubles(voc_ap, torch.rand(40, 3), torch.rand(40, 3) > 0.6)
    ranked = SCORES.argsort(dim=1, descending=True)
    equal_without_doubles(lambda r: revisited_map(r, [[0, 3]] * 8, [[9]] * 8, [[4]] * 8), ranked)


def equal_without_doubles(metric: Callable[..., object], *inputs: Tensor) -> None:
    """Compute a metric where float64 is refused; it answers from the CPU, with the CPU's value."""
    with accelerator(doubles=False):
        found = on_cpu(metric(*on_device(inputs)))
    torch.testing.assert_close(found, on_cpu(metric(*inputs)), equal_nan=True)
