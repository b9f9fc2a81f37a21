"""The benchmark of evaluation runs, and measures what it says; no timing is judged."""

from pathlib import Path

from zoo.benchmarks.evaluation import Sizes, bench_evaluation


def test_a_small_gallery_on_disk_is_evaluated_and_taken_away(tmp_path: Path) -> None:
    found = bench_evaluation(tmp_path / "b", Sizes(gallery=3000, queries=50, dim=64))
    assert 0 < found["mean_average_precision"] < 1
    assert found["seconds"] > 0
    assert found["similarities_seconds"] > 0
    assert 0.05 < found["peak_memory_gb"] < 100
    assert not list((tmp_path / "b").glob("*.f32"))
