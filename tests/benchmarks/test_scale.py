"""The simulation: what it multiplies, and that it meets searches that keep its law."""

import numpy as np
import pytest

from zoo.benchmarks.scale import (
    DRAWS,
    PROBES,
    QUERIES,
    Rates,
    Scale,
    _check,
    _fitted,
    simulated,
    tail,
)


def test_the_slowest_of_several_has_the_quantiles_of_a_power() -> None:
    even = np.linspace(0, 1, 10_001)  # P(max of n < x) = x^n
    for shards in (1, 4, 64):
        wanted = [0.5 ** (1 / shards), 0.99 ** (1 / shards)]
        assert tail(even, shards) == pytest.approx(wanted, abs=5 / DRAWS**0.5)


def test_sizes_are_multiplied_as_the_arithmetic_says() -> None:
    rates = Rates(1e-3, 0.0, 1e-9, 1e-12, np.ones(10))
    found = simulated(2**30, Scale(shards=2**5, dim=64, rate=10.0, workers=4, ask=0.5), rates)
    cells = 2**17
    assert found["cells"] == cells
    assert found["list"] == 2**25 // cells
    assert found["embedding_h"] == pytest.approx(2**30 / 40 / 3600)
    assert found["assignment_h"] == pytest.approx(2**30 * cells * 1e-12 / 32 / 3600)
    assert found["p50_ms"] == found["p99_ms"] == pytest.approx(1 + 64 * 256 * 1e-6 + 2**5 * 0.5)
    assert found["memory_gb_a_shard"] == pytest.approx((2**25 * 16 + 4 * 64 * cells) / 1e9)


def test_rates_of_searches_that_keep_the_law_predict_each_of_them() -> None:
    kept = Rates(1e-4, 1e-9, 1e-8, 1e-9, np.ones(1))
    cells, scale = 2**8, Scale(count=20_000, shards=2)
    each = scale.count // scale.shards
    medians = {probes: kept.query(cells, probes * each / cells) for probes in PROBES}
    spread = np.linspace(0.5, 1.5, QUERIES)
    measured = {probes: spread * median for probes, median in medians.items()}
    rates = _fitted(measured, cells, each, kept.assigned)
    shuffled = np.random.default_rng(0).permutation(spread)
    whole = medians[PROBES[2]] * np.stack([spread, shuffled])
    *alone, p50, p99 = _check(rates, measured, whole, scale, cells)
    for row in alone:
        assert row["predicted_ms"] == pytest.approx(row["measured_ms"])
    for row in (p50, p99):  # both are drawn
        assert row["predicted_ms"] == pytest.approx(row["measured_ms"], rel=5 / QUERIES**0.5)
