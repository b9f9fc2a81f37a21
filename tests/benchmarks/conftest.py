"""A clock that strikes once whenever it is looked at, so that rates are known."""

from collections.abc import Callable, Iterator
from itertools import count
from types import SimpleNamespace

import pytest


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Give a module of benchmarks a clock: one second a look, or the looks given."""

    def give(module: str, *looks: float) -> None:
        strikes: Iterator[float] = map(float, looks or count())
        look = SimpleNamespace(
            perf_counter=lambda: next(strikes),
            process_time=lambda: next(strikes),
            monotonic=lambda: next(strikes),
            time=lambda: next(strikes),
            sleep=lambda _: None,
        )
        monkeypatch.setattr(f"zoo.benchmarks.{module}.time", look)

    return give
