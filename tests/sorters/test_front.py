"""The judging front: its reference figures, and ours above every fixed choice."""

from collections.abc import Callable

import pytest
import torch

from zoo.errors import DataError
from zoo.sorters import SORTERS, GaussianSorter, exact_ranks
from zoo.sorters.front import Front, explained_change, judging_vectors, rank_error, validator
from zoo.sorters.sorter import Sorter

# Figures measured once on 500 vectors of length 100: (L1, R² at .01, .1, .3).
REFERENCE = {
    ("sigmoid", 10.0): (0.034, 0.19, 0.65, 0.68),
    ("scaled_sigmoid", 20.0): (0.0038, 0.22, 0.81, 0.77),
    ("scaled_sigmoid", 50.0): (0.0023, 0.36, 0.61, 0.52),
    ("scaled_sigmoid", 100.0): (0.0015, 0.46, 0.25, 0.04),
    ("straight_through", 10.0): (0.0, 0.17, 0.83, 0.86),
}


def place(build: Callable[[float], Sorter], length: int = 100, count: int = 500) -> Front:
    scores, generator = judging_vectors(length, count)
    return validator(build, scores, generator)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "slope"), REFERENCE)
def test_the_reference_figures_come_out(name: str, slope: float) -> None:
    l1, *r2 = REFERENCE[name, slope]
    front = place(lambda _: SORTERS[name](slope=slope))
    assert front.l1[0.1] == pytest.approx(l1, rel=0.1, abs=1e-12)
    assert list(front.r2.values()) == pytest.approx(r2, abs=0.03)


@pytest.mark.slow
@pytest.mark.parametrize("length", [10, 100, 300])
def test_ours_beats_every_fixed_slope_at_every_resolution(length: int) -> None:
    ours = place(GaussianSorter, length, 300)
    assert max(ours.l1.values()) == 0
    for slope in (4.0, 10.0, 20.0, 50.0, 100.0):
        fixed = place(lambda _, s=slope: SORTERS["scaled_sigmoid"](slope=s), length, 300)  # type: ignore[misc]
        assert all(ours.r2[e] > fixed.r2[e] for e in ours.r2), (slope, ours, fixed)


def test_a_linear_map_of_small_changes_explains_everything() -> None:
    scores = torch.randn(5, 8, dtype=torch.float64)
    change = torch.randn(5, 8, dtype=torch.float64)
    true = exact_ranks(scores + change) - exact_ranks(scores)
    oracle = torch.einsum("bi,bj->bij", true, change) / change.square().sum(1)[:, None, None]
    predicts = lambda y: torch.einsum("bij,bj->bi", oracle, y)  # noqa: E731
    assert explained_change(predicts, scores, change) == pytest.approx(1)


def test_a_sorter_without_gradient_explains_nothing_and_an_exact_one_errs_nowhere() -> None:
    scores, change = torch.randn(2, 5, 8, dtype=torch.float64)
    assert explained_change(lambda y: 0 * y, scores, change) == 0
    assert rank_error(exact_ranks, scores) == 0
    assert rank_error(lambda y: 1 + exact_ranks(y), scores) == pytest.approx(1)


def test_learned_sorters_can_be_judged_behind_the_normalisation() -> None:
    scores, generator = judging_vectors(20, 10)
    sorter = SORTERS["grus"]()
    front = validator(lambda _: sorter, scores * 1e3, generator, standardised=True)
    assert all(torch.tensor([*front.l1.values(), *front.r2.values()]).isfinite())


def test_changes_that_move_no_rank_are_an_error() -> None:
    scores = torch.tensor([[0.0, 1.0, 2.0]], dtype=torch.float64)
    with pytest.raises(DataError, match="no rank changes"):
        explained_change(exact_ranks, scores, 0 * scores)
