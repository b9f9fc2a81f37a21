"""The benchmarks of evaluation run, and measure what they say; no timing is judged."""

from pathlib import Path

import pytest
from PIL import Image

from zoo.benchmarks.evaluation import bench_evaluation
from zoo.benchmarks.extraction import bench_extraction
from zoo.data.preprocessing import Preprocessing
from zoo.models import EmbedderConfig, build_embedder


def test_a_small_gallery_on_disk_is_evaluated_and_taken_away(tmp_path: Path) -> None:
    found = bench_evaluation(tmp_path / "b", gallery=3000, queries=50, dim=64)
    assert 0 < found["mean_average_precision"] < 1
    assert found["seconds"] > 0
    assert found["similarities_seconds"] > 0
    assert 0.05 < found["peak_memory_gb"] < 100
    assert not list((tmp_path / "b").glob("*.f32"))


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / f"{n}.jpg" for n in range(6)]
    for n, path in enumerate(paths):
        Image.new("RGB", (60, 40), (40 * n, 90, 20)).save(path)
    return paths


def test_extraction_is_compared_with_both_of_its_limits(photos: list[Path]) -> None:
    small = Preprocessing(size=32, resize=32)
    model = build_embedder(EmbedderConfig("test_resnet", preprocessing=small))
    found = bench_extraction(model, photos, batch_size=4, repeats=1)
    limit = min(found["decode"], found["network"])
    assert found["share"] == pytest.approx(found["whole"] / limit)
    both = 1 / (1 / found["decode"] + 1 / found["network"])
    assert found["share_of_sum"] == pytest.approx(found["whole"] / both)
