"""The load run, made small."""

from pathlib import Path

import pytest

from zoo.benchmarks.serve import Load, Served, bench_serve


@pytest.mark.slow
def test_a_small_load_is_measured_without_errors(tmp_path: Path) -> None:
    served = Served(1_000, architecture="test_resnet")
    found = bench_serve(tmp_path, served, [Load(12, 1), Load(12, 8)], batches=(4,))
    assert [row["batch"] for row in found["bare"]] == [1, 8]
    alone, together = found["served"]
    for row in (alone, together):
        assert (row["requests"], row["errors"]) == (12, 0)
        assert 0 < row["p50_ms"] <= row["p99_ms"]
    assert alone["mean_batch"] == 1
    assert 1 <= together["mean_batch"] <= 4
    assert len(found["browsing"]) == 8
    assert all(row["p50_ms"] <= row["p99_ms"] for row in found["browsing"])
    (opening,) = found["opening"]
    assert 0 < opening["held_mb"] < opening["resident_mb"]
