"""The start-up benchmark runs both programs and divides their times."""

import pytest

from zoo.benchmarks.startup import benchmark_startup


def test_the_ratio_is_that_of_the_two_medians() -> None:
    found = benchmark_startup(repeats=1)
    assert found.bare_typer_s > 0
    assert found.ratio == pytest.approx(found.rankzoo_help_s / found.bare_typer_s)
    assert set(found.to_json()) == {"bare_typer_s", "rankzoo_help_s", "ratio", "repeats"}
