"""A gradient in chunks takes less memory than whole, and both measurements are real."""

import pytest

from zoo.benchmarks.batches import Network, benchmark_batches, gradient_cost


@pytest.mark.slow
def test_two_passes_hold_fewer_activations_than_one() -> None:
    (row,) = benchmark_batches((128,), chunk=8, network=Network("test_resnet", 64, 1))
    one, two = row["one_pass_extra_mb"], row["two_pass_extra_mb"]
    assert one is not None
    assert two is not None
    assert two < 0.5 * one
    assert row["times"] == row["two_pass_seconds"] / row["one_pass_seconds"]  # type: ignore[operator]


def test_a_gradient_is_measured_in_this_process() -> None:
    cost = gradient_cost(16, 8, Network("test_resnet", 32, 1))
    assert cost.seconds > 0
