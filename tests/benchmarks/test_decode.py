from pathlib import Path

import pytest

from zoo.benchmarks.decode import benchmark_decode, write_photos
from zoo.data.images import open_image


def test_the_ratio_compares_the_same_photos_opened_both_ways(tmp_path: Path) -> None:
    found = benchmark_decode(tmp_path, width=160, height=120, side=30, repeats=1)
    assert found.ratio == pytest.approx(found.draft_per_s / found.whole_per_s)
    assert set(found.to_json()) >= {"whole_per_s", "draft_per_s", "ratio", "side"}


def test_photos_have_the_size_asked_and_texture(tmp_path: Path) -> None:
    paths = write_photos(tmp_path, 2, 64, 48)
    assert [open_image(path).size for path in paths] == [(64, 48)] * 2
    assert paths[0].read_bytes() != paths[1].read_bytes()
