"""Confidence intervals cover what they promise, and tests find what is there."""

import math
from collections.abc import Callable
from itertools import product

import numpy as np
import pytest
import torch
from scipy import stats

from zoo.metrics import uncertainty
from zoo.metrics.uncertainty import (
    bootstrap_items,
    bootstrap_mean,
    holm,
    mean_over_runs,
    paired_difference,
)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_the_interval_of_a_mean_is_the_normal_one_for_many_queries() -> None:
    values = torch.rand(2000, generator=seeded()).double()
    interval = bootstrap_mean(values, draws=4000)
    half = 1.96 * float(values.std()) / 2000**0.5
    assert interval.mean == pytest.approx(float(values.mean()), abs=1e-12)
    assert interval.high - interval.mean == pytest.approx(half, rel=0.1)
    assert interval.mean - interval.low == pytest.approx(half, rel=0.1)


def test_ninety_five_percent_intervals_cover_the_truth_about_so_often() -> None:
    covered = 0
    for seed in range(100):
        values = (torch.rand(60, generator=seeded(seed)) < 0.7).double()
        interval = bootstrap_mean(values, seed=seed + 1000, draws=200)
        covered += interval.low <= 0.7 <= interval.high
    assert 88 <= covered <= 100


def test_queries_without_a_value_play_no_part() -> None:
    values = torch.tensor([0.0, 1.0, torch.nan, 1.0]).double()
    assert bootstrap_mean(values) == bootstrap_mean(values[[0, 1, 3]])


def test_nothing_to_average_gives_no_interval() -> None:
    interval = bootstrap_mean(torch.tensor([torch.nan]).double())
    assert all(math.isnan(v) for v in (interval.mean, interval.low, interval.high))


def test_the_same_seed_gives_the_same_interval() -> None:
    values = torch.rand(40).double()
    assert bootstrap_mean(values) == bootstrap_mean(values)
    assert bootstrap_mean(values) != bootstrap_mean(values, seed=1)


def test_a_clear_improvement_is_certain_and_noise_is_not() -> None:
    a = torch.rand(300, generator=seeded()).double()
    better = a + 0.05 + 0.1 * torch.randn(300, generator=seeded(1)).double()
    clear = paired_difference(a, better, seed=2)
    assert clear.low > 0
    assert clear.p_value < 0.01
    noise = paired_difference(a, a + 0.1 * torch.randn(300, generator=seeded(3)).double())
    assert noise.low < 0 < noise.high
    assert noise.p_value > 0.05


def test_p_values_under_the_null_hypothesis_are_uniform() -> None:
    small = 0
    for n in range(100):
        a, b = torch.rand(2, 40, generator=seeded(n)).double()
        small += paired_difference(a, b, seed=n, draws=200).p_value <= 0.1
    assert 2 <= small <= 19  # 10 expected, standard deviation 3


def test_identical_models_do_not_differ() -> None:
    a = torch.rand(20).double()
    same = paired_difference(a, a)
    assert (same.mean, same.low, same.high, same.p_value) == (0, 0, 0, 1)


def test_different_queries_cannot_be_paired() -> None:
    a = torch.tensor([0.0, 1.0]).double()
    with pytest.raises(ValueError, match="same queries"):
        paired_difference(a, torch.tensor([0.0, torch.nan]).double())


@pytest.mark.parametrize("gain", [0.0, 0.02, 0.05])
def test_the_permutation_test_is_that_of_scipy(gain: float) -> None:
    a = torch.rand(200, generator=seeded()).double()
    b = a + gain + 0.2 * torch.randn(200, generator=seeded(1)).double()
    reference = stats.permutation_test(
        ((b - a).numpy(),), np.mean, permutation_type="samples", n_resamples=4000, rng=0
    )
    assert paired_difference(a, b, draws=4000).p_value == pytest.approx(
        float(reference.pvalue), abs=0.03
    )


def test_intervals_are_those_that_were_published() -> None:
    """Bounds of the hand-made bootstrap and of its table of Student's t, before SciPy's."""
    found = bootstrap_mean(torch.arange(50).double() / 49, draws=4000)
    assert (found.low, found.high) == pytest.approx((0.4184, 0.5816), abs=0.006)
    for runs, half in (([1.0, 2.0], 6.353), ([1.0, 2.0, 4.0], 3.794)):
        interval = mean_over_runs(runs)
        assert interval.high - interval.mean == pytest.approx(half, abs=1e-3)
        assert interval.mean - interval.low == pytest.approx(half, abs=1e-3)


def test_one_value_is_its_own_interval_and_one_run_has_none() -> None:
    one = bootstrap_mean(torch.tensor([0.25]).double())
    assert (one.mean, one.low, one.high) == (0.25, 0.25, 0.25)
    two = bootstrap_mean(torch.tensor([0.0, 1.0]).double())
    assert (two.low, two.high) == (0, 1)
    alone = mean_over_runs([0.5])
    assert alone.mean == 0.5
    assert math.isnan(alone.low)


def test_holm_multiplies_the_smallest_by_all_tests_and_never_turns_around() -> None:
    assert holm([0.01, 0.04, 0.03, 0.5]) == pytest.approx([0.04, 0.09, 0.09, 0.5])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


@pytest.mark.parametrize("confidence", [0.5, 0.8, 0.95])
def test_the_bounds_are_the_quantiles_of_the_means_whatever_the_portions(
    confidence: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = torch.tensor([0.0, 1.0]).double()  # the mean of two draws is 0, .5 or 1: 1/4, 1/2, 1/4
    for cells in (2, 3, 1000):
        monkeypatch.setattr(uncertainty, "CELLS", cells)
        interval = bootstrap_mean(values, draws=2001, confidence=confidence)
        wide = confidence > 0.5 + 0.05
        assert interval.mean == 0.5
        if wide:
            assert (interval.low, interval.high) == (0, 1)
    many = torch.rand(400, generator=seeded(5)).double()
    interval = bootstrap_mean(many, draws=4000, confidence=confidence)
    reach = float(stats.norm.ppf(0.5 + confidence / 2)) * float(many.std()) / 20
    assert interval.high - interval.low == pytest.approx(2 * reach, rel=0.1)


def test_a_p_value_is_the_share_of_signs_that_are_as_extreme() -> None:
    deltas = torch.tensor([0.4, 0.3, -0.1, 0.2, 0.25, -0.05]).double()
    sums = [
        abs(sum(s * d for s, d in zip(signs, deltas.tolist(), strict=True)))
        for signs in product((-1, 1), repeat=6)
    ]
    exact = sum(total >= float(deltas.sum()) - 1e-9 for total in sums) / 64
    found = paired_difference(torch.zeros(6).double(), deltas, draws=20_000)
    assert found.p_value == pytest.approx(exact, abs=0.01)
    assert found.mean == pytest.approx(float(deltas.mean()))
    assert paired_difference(deltas, torch.zeros(6).double()).mean == -found.mean


@pytest.mark.parametrize("queries", [1, 3, 4, 7])
def test_a_p_value_counts_every_draw_once_whatever_the_portions(
    queries: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where all deltas are equal, chance is as extreme as seen in 2 of 2^n signs."""
    a = torch.zeros(queries).double()
    expected, deviation = 2 / 2**queries, (2 / 2**queries / 1000) ** 0.5
    for cells in (1, 10, 2**24):
        monkeypatch.setattr(uncertainty, "CELLS", cells)
        found = paired_difference(a, a + 1, draws=1000)
        assert found.p_value == pytest.approx(expected, abs=4 * deviation + 1 / 1001)


@pytest.mark.parametrize(("cells", "portions"), [(50, {40, 20}), (10, {20}), (2**24, {99 * 20})])
def test_no_more_is_resampled_at_once_than_memory_is_set_aside_for(
    cells: int, portions: set[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[tuple[int, int]] = []
    whole: Callable[..., torch.Tensor] = torch.randint

    def randint(high: int, size: tuple[int, int], **rest: torch.Generator) -> torch.Tensor:
        sizes.append(size)
        return whole(high, size, **rest)

    monkeypatch.setattr(torch, "randint", randint)
    monkeypatch.setattr(uncertainty, "CELLS", cells)
    deltas = torch.linspace(-1, 2, 20).double()
    paired_difference(torch.zeros(20).double(), deltas, draws=99)
    assert sum(rows for rows, _ in sizes) == 99
    assert {rows * columns for rows, columns in sizes} == portions


def test_the_interval_over_items_is_the_quantiles_of_what_was_drawn() -> None:
    """A mean over items is what `bootstrap_mean` resamples too, with draws of its own."""
    values = torch.rand(300, generator=seeded()).double()
    (low, high) = bootstrap_items(lambda rows: {"m": float(values[rows].mean())}, 300, draws=2000)[
        "m"
    ]
    known = bootstrap_mean(values, draws=2000)
    width = known.high - known.low
    assert (low, high) == pytest.approx((known.low, known.high), abs=0.1 * width)


def test_the_interval_over_items_leaves_out_draws_without_a_value() -> None:
    drawn = iter([0.0, float("nan"), 1.0, float("nan")])
    found = bootstrap_items(lambda rows: {"a": next(drawn), "b": float("nan")}, 5, draws=4)
    assert list(found) == ["a"]
    assert found["a"] == pytest.approx((0.025, 0.975))


def test_items_are_drawn_from_all_with_the_same_seed() -> None:
    rows: list[torch.Tensor] = []

    def measure(drawn: torch.Tensor) -> dict[str, float]:
        rows.append(drawn)
        return {}

    for _ in range(2):
        bootstrap_items(measure, 4, seed=3, draws=50)
    assert all(len(drawn) == 4 for drawn in rows)
    assert set(torch.cat(rows).tolist()) == {0, 1, 2, 3}
    assert torch.equal(torch.cat(rows[:50]), torch.cat(rows[50:]))
    assert not torch.equal(rows[0], rows[1])


def test_items_are_drawn_two_hundred_times_from_seed_0_unless_told() -> None:
    def measure(drawn: torch.Tensor) -> dict[str, float]:
        return {"mean": drawn.float().mean().item()}

    assert bootstrap_items(measure, 30) == bootstrap_items(measure, 30, seed=0, draws=200)
    assert bootstrap_items(measure, 30) != bootstrap_items(measure, 30, seed=1)


def test_a_p_value_is_never_below_what_the_draws_can_say() -> None:
    a = torch.zeros(200).double()
    assert paired_difference(a, a + 1, draws=99).p_value == 1 / 100


@pytest.mark.parametrize("runs", [2, 3, 5, 11, 30])
def test_the_interval_over_runs_is_student_s(runs: int) -> None:
    values = torch.rand(runs, dtype=torch.float64).tolist()
    error = float(stats.sem(values))
    low, high = stats.t.interval(0.95, runs - 1, sum(values) / runs, error)
    found = mean_over_runs(values)
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-12)
    assert found.mean == pytest.approx(sum(values) / runs)


def test_runs_that_agree_leave_no_interval() -> None:
    same = mean_over_runs([0.3, 0.3, 0.3])
    assert (same.low, same.mean, same.high) == pytest.approx((0.3, 0.3, 0.3))


def test_holm_of_nothing_found_is_nothing() -> None:
    assert holm([0.0, 0.0]) == [0.0, 0.0]


def test_holm_is_the_closure_of_bonferroni() -> None:
    """A test's adjusted p-value is the largest Bonferroni p-value of any set that it is in."""
    for seed in range(20):
        p_values = torch.rand(5, generator=seeded(seed)).mul(0.4 if seed % 2 else 1).tolist()
        p_values[4] = p_values[3]
        sets = [[n for n in range(5) if bits >> n & 1] for bits in range(1, 32)]
        expected = [
            max(min(1.0, len(s) * min(p_values[m] for m in s)) for s in sets if n in s)
            for n in range(5)
        ]
        assert holm(p_values) == pytest.approx(expected)
