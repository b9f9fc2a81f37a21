"""The tuner measures what it says and keeps to what was asked."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torch import Tensor

from zoo.data.dataset import read_dataset
from zoo.embedding.sources import query_like
from zoo.errors import UsageError
from zoo.index import Index, Plan
from zoo.index.candidates import between, candidates, cells_for, described, efforts, sub_quantisers
from zoo.index.measure import Measured, measure, workload
from zoo.index.target import Target, parse_bytes
from zoo.index.tune import choose, rescaled, tune

ROW = Measured(Plan("IVF8,SQ8"), 0.9, 1000.0, 1.0, 100, 1.0)


def row(
    kind: str, recall: float, qps: float, memory: int = 100, latency_ms: float = 1.0
) -> Measured:
    return replace(
        ROW, plan=Plan(kind), recall=recall, qps=qps, memory_bytes=memory, latency_ms=latency_ms
    )


ROWS = [
    row("Flat", 1.0, 10.0, memory=1000, latency_ms=9.0),
    row("HNSW32", 0.97, 900.0, memory=2000),
    row("IVF8,SQ8", 0.96, 500.0, memory=300),
    row("IVF8,PQ4x4fs", 0.8, 2000.0),
]


@pytest.mark.parametrize(
    ("target", "kind"),
    [
        (Target(recall=0.95), "HNSW32"),
        (Target(recall=0.95, memory_bytes=500), "IVF8,SQ8"),
        (Target(recall=0.99), "Flat"),
        (Target(recall=0.99, latency_ms=5.0), "HNSW32"),  # out of reach: the nearest recall
        (Target(memory_bytes=500), "IVF8,SQ8"),  # no recall wanted: the best
        (Target(), "Flat"),
        (Target(memory_bytes=1), "Flat"),  # nothing fits: the best recall of all
    ],
)
def test_the_fastest_that_meets_the_target_is_chosen(target: Target, kind: str) -> None:
    assert choose(ROWS, target).plan.kind == kind


def test_measured_recall_and_memory_are_true(
    points: Callable[..., Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    vectors, queries = points(1500).numpy(), points(40, seed=1).numpy()
    kinds = [Plan("Flat"), Plan("IVF8,Flat"), Plan("HNSW8")]
    monkeypatch.setattr("zoo.index.tune.candidates", lambda _count, _dim: kinds)
    plan, rows = tune(vectors, queries, Target(k=5))
    assert {r.plan.kind for r in rows} == {"Flat", "IVF8,Flat", "HNSW8"}
    assert next(r for r in rows if r.plan.kind == "Flat").recall == 1.0
    one_cell = next(r for r in rows if r.plan == Plan("IVF8,Flat", nprobe=1))
    all_cells = next(r for r in rows if r.plan == Plan("IVF8,Flat", nprobe=8))
    assert one_cell.recall < all_cells.recall == 1.0
    assert rows[0].memory_bytes == 45 + 4 * 1500 * 16
    assert plan in [r.plan for r in rows if r.recall == 1.0]


def test_queries_are_held_back_when_there_are_none(points: Callable[..., Tensor]) -> None:
    _, rows = tune(points(400).numpy(), None, Target())
    assert rows[0].memory_bytes == pytest.approx(45 + 4 * 400 * 16, rel=0.01)


def test_efforts_rise_and_stay_inside_the_index() -> None:
    groups = list(efforts(Plan("IVF16,PQ4x4fs", refine=2)))
    assert [[p.nprobe for p in group] for group in groups] == [[1, 2, 4, 8, 16]] * 5
    assert [group[0].refine for group in groups] == [2, 4, 8, 16, 32]
    assert list(efforts(Plan("Flat"))) == [[Plan("Flat")]]
    (group,) = efforts(Plan("IVF4096,Flat"))
    assert [p.nprobe for p in group] == [2**n for n in range(10)]
    (group,) = efforts(Plan("HNSW32"))
    assert [p.ef_search for p in group] == [2**n for n in range(4, 10)]


def test_halfway_between_efforts_until_they_are_within_an_eighth() -> None:
    low, high = Plan("HNSW8", ef_search=64), Plan("HNSW8", ef_search=128)
    middle = between(low, high)
    assert middle == Plan("HNSW8", ef_search=96)
    assert between(replace(low, ef_search=120), high) is None
    assert between(Plan("IVF8,SQ8", nprobe=1), Plan("IVF8,SQ8", nprobe=2)) is None


def test_a_search_goes_no_harder_than_the_wish_needs_and_comes_close_to_it(
    points: Callable[..., Tensor],
) -> None:
    vectors, queries = points(3000).numpy(), points(100, seed=1).numpy()
    with workload(vectors, queries, 10) as laid:
        full = {r.plan.nprobe: r.recall for r in measure(laid, Plan("IVF64,Flat"))}
        target = Target(recall=(full[8] + full[16]) / 2)
        wanted = {r.plan.nprobe: r.recall for r in measure(laid, Plan("IVF64,Flat"), target)}
    assert set(full) == {1, 2, 4, 8, 16, 32, 64}
    assert set(wanted) - set(full)  # between 8 and 16
    assert max(wanted) == 16
    reached = min(n for n, recall in wanted.items() if recall >= (target.recall or 0))
    missed = max(n for n, recall in wanted.items() if recall < (target.recall or 0))
    assert missed < reached <= 9 / 8 * missed + 1


def test_who_is_slower_than_the_bar_without_the_recall_is_given_up(
    points: Callable[..., Tensor],
) -> None:
    with workload(points(500).numpy(), points(20, seed=1).numpy(), 10) as laid:
        target = Target(recall=1.0)
        (only,) = measure(laid, Plan("IVF16,Flat"), target, bar=float("inf"))
    assert only.plan.nprobe == 1
    assert only.recall < 1


def test_nothing_is_refined_further_once_the_softest_probe_suffices(
    points: Callable[..., Tensor],
) -> None:
    with workload(points(500).numpy(), points(20, seed=1).numpy(), 10) as laid:
        rows = list(measure(laid, Plan("IVF2,SQ8", refine=2), Target(recall=0.1)))
    assert [str(row.plan) for row in rows] == ["IVF2,SQ8 nprobe=1 refine=2"]


def test_candidates_suit_the_size() -> None:
    assert candidates(500, 64) == [Plan("Flat")]
    kinds = [plan.kind for plan in candidates(200_000, 256)]
    codes = ["PQ64x4fs", "PQ128x4fs", "SQ8"]
    coded = [f"IVF{cells},{code}" for code in codes for cells in (512, 1024)]
    assert kinds == ["Flat", *coded, "IVF1024,Flat", "HNSW32"]
    assert (cells_for(200_000, 2), cells_for(5_000, 4)) == (1024, 128)
    assert [sub_quantisers(30, 4), sub_quantisers(7, 4), sub_quantisers(7, 2)] == [6, 1, 1]


def test_a_plan_measured_on_a_sample_grows_with_the_set() -> None:
    plan = Plan("IVF1024,SQ8", nprobe=8)
    assert rescaled(plan, 200_000, 200_000) == plan
    assert rescaled(plan, 200_000, 3_200_000) == Plan("IVF4096,SQ8", nprobe=16)
    assert rescaled(plan, 200_000, 51_200_000) == Plan("IVF16384,SQ8", nprobe=32)
    assert rescaled(plan, 200_000, 800_000) == Plan("IVF2048,SQ8", nprobe=8)  # 8 x 1.4 rounded
    assert rescaled(plan, 200_000, 190_000) == plan
    assert rescaled(Plan("HNSW32"), 200_000, 10**9) == Plan("HNSW32")


def test_a_dry_run_knows_sizes() -> None:
    flat = described(Plan("Flat"), 1000, 64)
    assert (flat["memory_bytes"], flat["disk_bytes"]) == (256_000, 256_000)
    assert described(Plan("IVF16,SQ8"), 1000, 64)["memory_bytes"] == 64_000 + 8_000 + 4_096
    assert described(Plan("IVF16,PQ16x4fs"), 10**6, 64)["training_vectors"] == 25_600


@pytest.mark.parametrize("text", ["", "GB", "-1GB", "2 pies", "1e9"])
def test_sizes_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="size"):
        parse_bytes(text)


def test_an_index_keeps_the_table_it_was_chosen_from(
    tmp_path: Path, photos: Path, colour_model: Callable[..., Any]
) -> None:
    dataset = read_dataset(photos, require_labels=False)
    index = Index.build(tmp_path / "idx", colour_model(), dataset, target=Target(recall=0.9))
    (measured,) = Index.open(index.folder).info()["tuning"]
    assert (measured["plan"], measured["recall"]) == ("Flat", 1.0)


def test_images_with_captions_are_tuned_with_texts(
    photos: Path, colour_model: Callable[..., Any]
) -> None:
    dataset = read_dataset(photos, require_labels=False)
    assert query_like(colour_model(), dataset, "images") is None
    items = tuple(replace(item, captions=("a green wall",)) for item in dataset.items)
    captioned = replace(dataset, items=items)
    texts = query_like(colour_model(), captioned, "images")
    images = query_like(colour_model(), captioned, "captions")
    assert texts is not None
    assert images is not None
    assert np.allclose(texts, colour_model().embed_texts(["green"]).numpy(), atol=1e-6)
    assert len({tuple(p) for p in images.round(4).tolist()}) == 12
