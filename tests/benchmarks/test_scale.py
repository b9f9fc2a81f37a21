"""The simulation: what it multiplies, and that it meets what was measured."""

import numpy as np
import pytest

from zoo.benchmarks.scale import DRAWS, Rates, Scale, bench_scale, simulated, tail


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


@pytest.mark.slow
def test_measured_rates_predict_what_they_were_measured_on() -> None:
    found = bench_scale(Scale(count=20_000, dim=32, shards=2))
    assert len(found["sizes"]) == 2
    for row in found["check"]:
        assert row["predicted_ms"] == pytest.approx(row["measured_ms"], rel=3)
