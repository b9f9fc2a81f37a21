"""Each figure of a bench is the count over the seconds it says, on a known clock."""

from collections.abc import Callable
from itertools import repeat
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from zoo.benchmarks import batches, detection, evaluation, losses, scale, spread, training
from zoo.benchmarks import embedding as forms
from zoo.benchmarks import index as indexes
from zoo.benchmarks.batches import Cost, Network
from zoo.benchmarks.embedding import Forms, benchmark_embedding
from zoo.benchmarks.evaluation import Sizes, bench_evaluation
from zoo.benchmarks.losses import Toy
from zoo.benchmarks.scale import PROBES, Rates, Scale
from zoo.data.images import open_image
from zoo.embedding.cluster import Job
from zoo.errors import UnavailableError
from zoo.evaluation.vectors import measure as measure_all
from zoo.index import Plan
from zoo.index.measure import Workload
from zoo.index.reader import Reader
from zoo.index.segment import Searcher
from zoo.tasks import load

Clock = Callable[..., None]


def test_evaluation_tells_seconds_and_scales_the_tenth_that_was_looked_at(
    clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock("evaluation")
    measured: list[Any] = []

    def measure(blocks: Any, labels: Tensor, task: Any) -> Any:
        measured.append((labels, task))
        return measure_all(blocks, labels, task)

    monkeypatch.setattr(evaluation, "measure", measure)
    monkeypatch.setattr(evaluation, "memory_peak", lambda: 3 * 10**9)
    found = bench_evaluation(tmp_path / "b", Sizes(gallery=200, queries=25, dim=8))
    # two looks begin a timing and two end it, at a second each; two queries of 25 are a tenth
    assert found["similarities_seconds"] == found["cpu_similarities_seconds"] == 2 * 25 / 2
    assert found["seconds"] == found["cpu_seconds"] == 2
    assert found["peak_memory_gb"] == 3
    ((labels, task),) = measured
    assert torch.bincount(labels[:200, 0]).tolist() == [10] * 20
    assert task.queries.tolist() == list(range(200, 225))
    assert task.gallery.tolist() == list(range(200))
    assert not task.itself


def test_a_row_of_embedding_is_a_batch_over_its_best_seconds(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    seconds = {"usual layout": 4.0, "channels last": 2.0, "bfloat16": 1.0}
    monkeypatch.setattr(forms, "_best_seconds", lambda ready, images, repeats: seconds)
    rows = benchmark_embedding(tmp_path, Forms("test_resnet", size=16, batch=8, repeats=1))
    assert [row["images_per_s"] for row in rows] == [2, 4, 8]
    assert [row["times"] for row in rows] == [1, 2, 4]


def test_forms_are_timed_in_turn_and_the_best_turn_counts(clock: Clock) -> None:
    clock("embedding", 0, 5, 10, 12, 20, 23, 30, 37)
    turns: list[str] = []

    def form(name: str) -> Callable[[Tensor], Tensor]:
        def run(images: Tensor) -> Tensor:
            turns.append(name)
            return images

        return run

    ready = {name: form(name) for name in ("a", "b")}
    best = forms._best_seconds(ready, torch.zeros(1), repeats=2)
    assert best == {"a": 3, "b": 2}
    assert turns == ["a", "b"] * 2


def test_a_row_of_batches_is_one_pass_beside_two(monkeypatch: pytest.MonkeyPatch) -> None:
    def apart(batch: int, chunk: int, network: Network) -> Cost:
        return Cost(batch / chunk + 1, float(chunk))

    monkeypatch.setattr(batches, "_apart", apart)
    rows = batches.benchmark_batches((16, 64), chunk=16)
    assert [row["batch"] for row in rows] == [16, 64]
    assert [row["times"] for row in rows] == [1, 2.5]
    large = rows[1]
    assert (large["one_pass_seconds"], large["two_pass_seconds"]) == (2, 5)
    assert (large["one_pass_extra_mb"], large["two_pass_extra_mb"]) == (64, 16)


def test_a_gradient_costs_its_best_seconds_and_its_mebibytes(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock("batches", 0, 7, 10, 13, 20, 25)
    made: list[tuple[int, ...]] = []

    def gradient(model: Any, images: Tensor, labels: Tensor, chunk: int) -> None:
        assert model.training
        assert images.shape[1:] == (3, 32, 32)
        made.append((len(images), chunk, *torch.bincount(labels).tolist()))

    monkeypatch.setattr(batches, "_gradient", gradient)
    for before, extra in ((2**20, 2.0), (9 * 2**20, 0.0), (None, None)):
        monkeypatch.setattr(batches, "memory_held", lambda before=before: before)
        monkeypatch.setattr(batches, "memory_peak", lambda: 3 * 2**20)
        clock("batches", 0, 7, 10, 13, 20, 25)
        found = batches.gradient_cost(16, 4, Network("test_resnet", 32, 3))
        assert found == Cost(3.0, extra)
    assert made[:4] == [(8, 8, 4, 4), *repeat((16, 4, 4, 4, 4, 4), 3)]


def test_the_best_of_repeats_is_a_losss_seconds(clock: Clock) -> None:
    clock("detection", 0, 9, 10, 14, 20, 26)
    assert detection._best_of(3, lambda: None) == 4


def test_a_timing_is_a_losss_best_seconds_over_the_floors(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    vectors, labels = Toy(8, 4).draw()
    monkeypatch.setattr(losses, "floor", lambda *_: 2.0)
    monkeypatch.setattr(losses, "memory_peak", lambda: 5 * 2**20)
    passes: list[int] = []

    def loss(points: Tensor, _: Tensor) -> Tensor:
        passes.append(1)
        return points.sum() * 0 + 7

    for warm, before, extra in ((True, 2**20, 4.0), (False, 6 * 2**20, 0.0), (False, None, None)):
        passes.clear()
        monkeypatch.setattr(losses, "memory_held", lambda before=before: before)
        looks = [0, 50] if warm else []
        clock("losses", *looks, 60, 66, 70, 73, 80, 84)
        found = losses._timing(loss, vectors, labels, 3, warm)
        assert found == losses.Timing(7.0, 3.0, 1.5, extra)
        assert len(passes) == 3 + warm


def test_a_rate_of_training_leaves_out_two_batches_that_warm_up(clock: Clock) -> None:
    clock("training", 0, 4)
    seen: list[int] = []
    numbers: Any = iter(range(99))
    rate = training._rate(numbers, 6, 32, seen.append)
    assert rate == 6 * 32 / 4
    assert seen == list(range(2 + 6))


def test_photos_have_the_size_asked_for_and_texture(tmp_path: Path) -> None:
    training._write_photos(tmp_path / "p", 2, 40, 24)
    first, second = (np.asarray(open_image(tmp_path / f"p/{n}.jpg")) for n in (0, 1))
    assert first.shape == second.shape == (24, 40, 3)
    assert first.std() > 10
    assert (first != second).any()


def test_a_duel_is_the_ratio_of_the_best_rounds_in_turn() -> None:
    class Played(Workload):
        def __init__(self) -> None:
            pass

        rates = iter([10.0, 5.0, 30.0, 4.0, 20.0, 6.0])

        def build(self, kind: str) -> str:  # type: ignore[override]
            return kind

        def run(self, built: str, plan: Any, repeats: int) -> Any:  # type: ignore[override]
            assert (built, repeats) == (plan.kind, 1)
            return type("Run", (), {"qps": next(self.rates)})

    plans = Plan("Flat"), Plan("HNSW8")
    assert indexes.duel(Played(), *plans, rounds=3) == 30 / 6
    assert indexes.ROUNDS == 7


def test_plans_by_hand_code_a_vector_in_an_eighth_or_a_quarter_of_its_width() -> None:
    coded, plain = indexes.by_hand(64)[:3], indexes.by_hand(64)[3:]
    assert [plan.kind for plan in coded] == ["IVF256,SQ8", "IVF512,PQ8x4fs", "IVF1024,PQ16x8"]
    assert [plan.kind for plan in plain] == ["IVF512,SQ8", "IVF512,Flat", "HNSW32"]
    assert [plan.refine for plan in coded] == [2, 2, 2]


def test_latencies_are_looked_at_one_query_at_a_time(clock: Clock) -> None:
    clock("scale")
    asked: list[int] = []

    class Shard(Searcher):
        def __init__(self) -> None:
            pass

        def search(self, queries: Any, k: int, plan: Any) -> None:  # type: ignore[override]
            asked.append(len(queries))

    found = scale._latencies(Shard(), np.zeros((20, 4)), Plan("Flat"))
    assert found.tolist() == [1] * 20
    assert asked == [16, *[1] * 20]


def test_comparing_with_a_centroid_costs_a_share_of_the_pass(clock: Clock) -> None:
    clock("scale", 3, 5)

    class Trained:
        nlist = 8

        class quantizer:  # noqa: N801 (faiss's name)
            @staticmethod
            def search(some: Any, k: int) -> None:
                assert (len(some), k) == (50, 1)

    assert scale._assignment(Trained, np.zeros((50, 4), np.float32)) == 2 / (50 * 8)


def test_rates_are_fitted_to_the_medians_of_what_was_measured() -> None:
    cells, each, code, assigned, fixed = 64, 6_400, 1e-6, 1e-7, 5e-4
    rest = fixed + assigned * cells
    measured = {p: np.array([0.5, 1.0, 9.0]) * (rest + code * p * each / cells) for p in PROBES}
    rates = scale._fitted(measured, cells, each, assigned)
    assert [rates.fixed, rates.code] == pytest.approx([fixed, code])
    assert (rates.centroid, rates.assigned) == (assigned, assigned)
    assert rates.scatter.tolist() == pytest.approx([0.5, 1, 9])
    nothing = scale._fitted({p: np.array([1.0 / p]) for p in PROBES}, cells, each, 1.0)
    assert (nothing.fixed, nothing.code) == (0, 0), "a rate is never below nothing"


def test_the_check_puts_what_is_predicted_beside_what_was_measured() -> None:
    rates = Rates(1e-3, 1e-6, 1e-6, 0.0, np.ones(5))
    measured = {p: np.array([1.0, 2.0, 4.0]) * p for p in PROBES}
    whole = np.array([[1.0, 5.0, 3.0], [2.0, 4.0, 3.0]])
    rows = scale._check(rates, measured, whole, Scale(count=200, shards=2), 10)
    alone, slowest = rows[:4], rows[4:]
    for probes, row in zip(PROBES, alone, strict=True):
        assert row["what"] == f"one shard, {probes} cells, median"
        assert row["predicted_ms"] == pytest.approx(1e3 * (1e-3 + 1e-5 + 1e-6 * probes * 10))
        assert row["measured_ms"] == 2_000 * probes
    names = [f"slowest of 2 shards, 16 cells, {name}" for name in ("p50", "p99")]
    assert [row["what"] for row in slowest] == names
    expected = 1e3 * (1e-3 + 1e-5 + 1e-6 * 16 * 10)
    assert [row["predicted_ms"] for row in slowest] == pytest.approx([expected] * 2)
    assert [row["measured_ms"] for row in slowest] == pytest.approx([3_000, 4_960])


def test_a_small_scale_is_measured_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scale, "QUERIES", 20)
    found = scale.bench_scale(Scale(count=2_000, dim=16, shards=2))
    assert (found["count"], found["dim"], found["shards"]) == (2_000, 16, 2)
    assert found["kind"] == "IVF64,PQ4x4fs"  # 2 sqrt(1,000) cells, as a power of two
    assert len(found["check"]) == len(PROBES) + 2
    assert [row["items"] for row in found["sizes"]] == [10**8, 10**9]
    assert all(row["measured_ms"] > 0 for row in found["check"])


def test_searching_tells_latencies_after_the_warm_ones_and_the_rate_together(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits = iter([*[900.0] * spread.WARM, *[float(n) for n in range(40)], 10.0, 20.0])
    sizes: list[int] = []

    def seconds(work: Callable[[Tensor], object], queries: Tensor) -> float:
        work(queries)
        return next(waits)

    class Played(Reader):
        def __init__(self) -> None:
            pass

        def search(self, queries: Tensor, k: int) -> None:  # type: ignore[override]
            sizes.append(len(queries))
            assert k == 10

    monkeypatch.setattr(spread, "_seconds", seconds)
    found = spread._searching(Played(), torch.zeros(60, 4))
    assert found["p50_ms"] == pytest.approx(19_500)
    assert found["p99_ms"] == pytest.approx(38_610)
    assert found["queries_per_s_together"] == 60 / 30
    assert sizes == [*[1] * 60, 32, 28]
    monkeypatch.undo()
    clock("spread", 5, 8)
    assert spread._seconds(lambda _: None, torch.zeros(1)) == 3


def test_a_worker_begins_with_the_others_or_says_that_they_are_late(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("zoo.embedding.cluster.Worker.__init__", lambda self, out, job: None)
    job = Job(load, "model", tmp_path)
    clock("spread", 0, 4)
    alone = spread.Timed(tmp_path / "one", job, 1)
    assert alone.began == 4
    monkeypatch.setattr("zoo.embedding.cluster.Worker.__call__", lambda self, row: {"n": row})
    clock("spread", 9)
    assert alone({"a": 1}) == {"n": {"a": 1}, "began": 4, "ended": 9}
    clock("spread", 0, 119, 120, 121)
    with pytest.raises(UnavailableError, match="2 workers were not ready in 120 s"):
        spread.Timed(tmp_path / "two", job, 2)
