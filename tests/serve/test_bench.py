"""The load run, made small."""

from pathlib import Path

import pytest

from zoo.bench.serve import bench_serve


@pytest.mark.slow
def test_a_small_load_is_measured_without_errors(tmp_path: Path) -> None:
    found = bench_serve(
        tmp_path, count=2_000, architecture="test_resnet", requests=24, concurrencies=(1, 8)
    )
    assert [row["batch"] for row in found["bare"]] == [1, 8]
    assert [(row["batch"], row["concurrency"]) for row in found["served"]] == [
        (32, 1),
        (32, 8),
        (1, 1),
        (1, 8),
    ]
    for row in found["served"]:
        assert (row["requests"], row["errors"]) == (24, 0)
        assert 0 < row["p50_ms"] <= row["p99_ms"]
        assert row["mean_batch"] >= 1
    alone = [row["mean_batch"] for row in found["served"] if row["concurrency"] == 1]
    assert alone == [1, 1]
    assert found["served"][3]["mean_batch"] == 1, "a server of batch 1 takes each alone"
