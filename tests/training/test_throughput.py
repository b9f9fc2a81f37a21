"""The throughput report: it runs, and its share is that of the numbers beside it."""

from pathlib import Path

import pytest

from zoo.benchmarks.training import Update, benchmark_training


def test_a_report_has_every_rate_and_the_share_of_the_slower_part(tmp_path: Path) -> None:
    found = benchmark_training(
        tmp_path, Update("test_resnet", size=24, photo=(64, 48), workers=0, batch=16), steps=1
    )
    assert found.decode_per_s > 0
    assert found.network_per_s > 0
    assert found.share == pytest.approx(
        found.training_per_s / min(found.decode_per_s, found.network_per_s)
    )
