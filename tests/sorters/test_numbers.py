"""A score that is not a number is an error in every sorter and in every function that ranks."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from zoo.errors import DataError, UsageError
from zoo.ranking import blackbox_rank
from zoo.sorters import SORTERS, exact_ranks, standardise
from zoo.sorters.neural_sort import neural_sort
from zoo.sorters.pairwise import sigmoid_ranks
from zoo.sorters.soft_rank import soft_ranks

FINITE: dict[str, Callable[[Tensor], Tensor]] = {
    "neural_sort": neural_sort,
    "sigmoid_ranks": lambda scores: sigmoid_ranks(scores, torch.ones(1, 1)),
    "soft_ranks": soft_ranks,
    "standardise": standardise,
}
RANKS: dict[str, Callable[[Tensor], Tensor]] = {
    "exact_ranks": exact_ranks,
    "blackbox_rank": lambda scores: blackbox_rank(scores, 1.0),
}


def with_one(bad: float) -> Tensor:
    scores = torch.arange(200.0).reshape(2, 100)
    scores[1, 3] = bad
    return scores


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("name", SORTERS)
def test_no_sorter_ranks_what_is_no_finite_number(name: str, bad: float) -> None:
    with pytest.raises(DataError, match="scores row 1, column 3: .* cannot be ranked"):
        SORTERS[name]()(with_one(bad))


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("name", FINITE)
def test_no_soft_ranking_computes_with_what_is_no_finite_number(name: str, bad: float) -> None:
    with pytest.raises(DataError, match="row 1, column 3"):
        FINITE[name](with_one(bad))


@pytest.mark.parametrize("name", RANKS)
def test_exact_ranks_are_refused_to_nan_only(name: str) -> None:
    with pytest.raises(DataError, match="row 1, column 3"):
        RANKS[name](with_one(float("nan")))
    assert RANKS[name](with_one(float("inf")))[1, 3] == RANKS[name](with_one(1000.0))[1, 3]


@pytest.mark.parametrize("bad", [0.0, -1.0, float("inf"), float("nan")])
@pytest.mark.parametrize(
    ("name", "setting"),
    [
        ("gaussian", "resolution"),
        ("neural_sort", "tau"),
        ("soft_rank_l2", "strength"),
        ("soft_rank_kl", "strength"),
    ],
)
def test_a_width_that_is_none_is_refused(name: str, setting: str, bad: float) -> None:
    with pytest.raises(UsageError, match=f"{setting}.* is "):
        SORTERS[name](**{setting: bad})
