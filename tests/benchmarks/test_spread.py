"""Workers side by side: each figure is the best of its turns, on threads that were pinned."""

from pathlib import Path

import pytest

from zoo.benchmarks.spread import Spreading, _least, bench_spread
from zoo.errors import UsageError


def test_the_best_of_turns_is_the_largest_rate_and_the_smallest_of_all_else() -> None:
    turns = [{"images_per_s": 5.0, "p50_ms": 2.0}, {"images_per_s": 7.0, "p50_ms": 3.0}]
    assert _least(turns) == {"images_per_s": 7.0, "p50_ms": 2.0}


def test_threads_that_are_not_pinned_are_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    with pytest.raises(UsageError, match="one thread"):
        bench_spread(tmp_path, Spreading())
    assert not list(tmp_path.iterdir())


@pytest.mark.cluster
@pytest.mark.filterwarnings("ignore")
def test_workers_embed_and_shards_answer_as_one_process(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("RAY_memory_monitor_refresh_ms", "0")
    # Ray would write `token` there for its own cluster, and this process could reach no other one
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    small = Spreading(
        32, "test_resnet", 2_000, 16, "IVF8,SQ8", queries=40, workers=(1, 2), repeats=1
    )
    found = bench_spread(tmp_path, small)
    assert [row["workers"] for row in found["embedding"]] == [1, 2]
    assert [row["shards"] for row in found["searching"]] == ["one process", 1, 2]
    for row in found["searching"]:
        assert 0 < row["p50_ms"] <= row["p99_ms"]
