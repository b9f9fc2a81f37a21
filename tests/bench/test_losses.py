"""The benchmark's rivals are the same losses, computed plainly."""

import pytest

from zoo.bench.losses import benchmark_losses, benchmark_rivals
from zoo.errors import UsageError


def test_textbook_and_packaged_forms_have_our_value() -> None:
    rows = benchmark_rivals(count=24, small=16, dim=8)
    same = [row for row in rows if not str(row["name"]).startswith("PNP")]
    assert len(same) >= 2
    for row in same:
        assert row["value"] == pytest.approx(row["our_value"], rel=1e-5)


def test_every_named_loss_gets_a_row() -> None:
    rows = benchmark_losses(count=32, dim=8, repeats=1, only=("sup_hap", "fast_ap"))
    assert [row["name"] for row in rows] == ["sup_hap", "fast_ap"]
    assert all(isinstance(row["ratio"], float) and row["ratio"] > 0 for row in rows)


def test_an_unknown_loss_is_refused_by_name() -> None:
    with pytest.raises(UsageError, match="no loss is called 'supap'"):
        benchmark_losses(count=16, dim=4, only=("supap",))
