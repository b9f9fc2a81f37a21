"""The benchmark's rivals are the same losses, computed plainly."""

import pytest
import torch

from zoo.benchmarks import losses
from zoo.benchmarks.losses import Toy, benchmark_losses, benchmark_rivals
from zoo.errors import UsageError
from zoo.losses import LOSSES, RecallAtK

HIERARCHICAL = ("sup_hap", "smooth_hap", "sup_ndcg", "smooth_ndcg")


def test_textbook_and_packaged_forms_have_our_value() -> None:
    rows = benchmark_rivals(Toy(64, 8), small=16)
    names = [str(row["rival"]) for row in rows]
    assert names[:2] == ["RS@k, looped", "Smooth-AP, cubic"]
    assert {"FastAP, PML", "Smooth-AP, PML", "PNP Dq, PML"} <= set(names)
    for row in rows:
        assert row["value"] == pytest.approx(row["our_value"], rel=2e-5)


def test_every_named_loss_gets_a_row_with_both_modes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zoo.benchmarks.losses.can_compile", lambda device: False)
    rows = benchmark_losses(Toy(32, 8), repeats=1, only=("sup_hap", "fast_ap"))
    assert [row["loss"] for row in rows] == ["sup_hap", "fast_ap"]
    assert all(isinstance(row["eager_ratio"], float) and row["eager_ratio"] > 0 for row in rows)
    assert "compiled_ratio" not in rows[0]


def test_losses_over_a_hierarchy_are_timed_on_two_levels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zoo.benchmarks.losses.can_compile", lambda device: False)
    toy = Toy(64, 8)
    vectors, labels = toy.draw()
    levels = torch.stack([labels, labels // 8], dim=1)
    for row in benchmark_losses(toy, repeats=1, only=(*HIERARCHICAL, "sup_ap")):
        loss = LOSSES[str(row["loss"])]()
        assert row["value"] == pytest.approx(float(loss(vectors, levels)), rel=1e-5)
        differs = float(loss(vectors, labels)) != pytest.approx(row["value"], rel=1e-3)
        assert differs == (row["loss"] in HIERARCHICAL)


def test_an_unknown_loss_is_refused_by_name() -> None:
    with pytest.raises(UsageError, match="no loss is called 'supap'"):
        benchmark_losses(Toy(16, 4), only=("supap",))


def test_rivals_are_those_of_the_losses_asked_for_timed_as_often_as_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = []
    once = losses._once

    def counted(loss: losses.Loss, *items: torch.Tensor) -> tuple[float, float]:
        asked.append(loss)
        return once(loss, *items)

    monkeypatch.setattr(losses, "_once", counted)
    rows = benchmark_rivals(Toy(64, 8), 5, ("recall_at_k",), small=16)
    assert [row["rival"] for row in rows] == ["RS@k, looped"]
    assert sum(isinstance(loss, RecallAtK) for loss in asked) == 1 + 5
    with pytest.raises(UsageError, match="--rivals: sup_ap has none"):
        benchmark_rivals(Toy(64, 8), only=("sup_ap",), small=16)
