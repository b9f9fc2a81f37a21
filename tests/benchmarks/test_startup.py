"""The start-up benchmark runs the programs and divides their times."""

import pytest

from zoo.benchmarks.startup import benchmark_startup


def test_the_ratios_are_those_of_the_medians() -> None:
    found = benchmark_startup(repeats=1).to_json()
    assert min(found.values()) > 0
    assert found["ratio"] == pytest.approx(found["rankzoo_help_s"] / found["bare_typer_s"])
    assert found["list_ratio"] == pytest.approx(found["rankzoo_list_s"] / found["bare_typer_s"])
