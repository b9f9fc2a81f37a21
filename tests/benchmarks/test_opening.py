"""The probe opens what was built, in a process of its own."""

from pathlib import Path

from zoo.benchmarks.opening import bench_opening


def test_opening_is_measured_in_a_fresh_process(tmp_path: Path) -> None:
    found = bench_opening(tmp_path / "idx", 3_000, 16, "IVF16,Flat", queries=5)
    assert found["open_s"] > 0
    assert found["search_ms"] > 0
    assert found["opened_mb"] <= found["searched_mb"]
    assert found["on_disk_mb"] > 2 * 3_000 * 16 * 4 / 1e6  # vectors, and lists of them
