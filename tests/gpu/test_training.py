"""Training on CUDA: the CPU's step, the memory of two passes, runs that go on elsewhere."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from tests.gpu.conftest import Note
from zoo.data.dataset import ImageDataset
from zoo.models import Embedder
from zoo.recipes import Recipe
from zoo.recipes.find import overridden
from zoo.runs.options import RunOptions
from zoo.training.distributed import World
from zoo.training.loader import Loader
from zoo.training.loop import build_objective
from zoo.training.trainer import Trainer

Build = Callable[..., Embedder]
CLOSE = {"float32": 1e-3, "bfloat16": 0.2, "float16": 0.1}


def trainer_on(device: str, recipe: Recipe, dataset: ImageDataset, model: Embedder) -> Trainer:
    shape = model.config.preprocessing
    loader = Loader(recipe, dataset, shape, World(), RunOptions(seed=3))
    objective = build_objective(recipe, dataset, World(), model.dim, None)
    return Trainer(model, loader, objective, torch.device(device))


def gradient_of(trainer: Trainer) -> Tensor:
    trainer.update(1, next(trainer.loader.batches()))
    parts = [p.grad.flatten() for p in trainer.model.parameters() if p.grad is not None]
    return torch.cat(parts).cpu()


@pytest.mark.parametrize("precision", CLOSE)
def test_a_step_has_the_gradient_of_the_cpus(
    precision: str, recipe: Recipe, dataset: ImageDataset, network: Build, note: Note
) -> None:
    plain = overridden(recipe, ["optimiser.clip_norm=null"])
    expected = gradient_of(trainer_on("cpu", plain, dataset, network()))
    changed = overridden(plain, [f"engine.precision={precision}"])
    found = gradient_of(trainer_on("cuda", changed, dataset, network()))
    error = float((found - expected).norm() / expected.norm())
    note(
        f"a step in {precision}: gradient, CUDA against CPU float32",
        f"{error:.1e}",
        f"under {CLOSE[precision]}",
    )
    assert error < CLOSE[precision]


def test_two_passes_keep_the_activations_of_one_chunk(
    recipe: Recipe, dataset: ImageDataset, network: Build, note: Note
) -> None:
    peaks = {}
    for chunk in ("null", "4"):
        changed = overridden(recipe, ["batch.size=20", f"batch.chunk={chunk}"])
        trainer = trainer_on("cuda", changed, dataset, network())
        batches = trainer.loader.batches()
        trainer.update(1, next(batches))
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        trainer.update(2, next(batches))
        peaks[chunk] = torch.cuda.max_memory_allocated() - before
    share = peaks["4"] / peaks["null"]
    note("peak memory of a step, chunks of 4 of 20 against one pass", f"{share:.2f}", "under 0.7")
    assert share < 0.7


def test_a_run_goes_on_on_the_cpu_and_back(
    recipe: Recipe, dataset: ImageDataset, network: Build, tmp_path: Path, note: Note
) -> None:
    changed = overridden(recipe, ["memory=20", "optimiser.ema=0.9"])
    weights = {}
    for name, devices in {"stays": ["cuda"] * 3, "moves": ["cuda", "cpu", "cuda"]}.items():
        for done, device in enumerate(devices):
            trainer = trainer_on(device, changed, dataset, network())
            assert trainer.restore(tmp_path / name) == done
            trainer.update(done + 1, next(trainer.loader.batches(done)))
            trainer.save(tmp_path / name, done + 1)
        weights[name] = torch.cat([p.detach().flatten().cpu() for p in trainer.model.parameters()])
    error = float((weights["moves"] - weights["stays"]).norm() / weights["stays"].norm())
    note("three steps, the second on the CPU, against all on CUDA", f"{error:.1e}", "under 1e-3")
    assert error < 1e-3


def test_faiss_finds_on_the_gpu_what_it_finds_on_the_cpu(note: Note) -> None:
    import faiss

    what = "faiss: neighbours, GPU against CPU"
    if not hasattr(faiss, "StandardGpuResources"):
        note(what, "not measured: faiss-gpu is not installed", "equal")
        return
    vectors = torch.nn.functional.normalize(torch.randn(5000, 64)).numpy()
    flat = faiss.IndexFlatIP(64)
    there = faiss.index_cpu_to_gpu(faiss.StandardGpuResources(), 0, flat)
    for index in (flat, there):
        index.add(vectors)
    same = (flat.search(vectors[:100], 10)[1] == there.search(vectors[:100], 10)[1]).mean()
    note(what, f"{same:.3f} equal", "over 0.99")
    assert same > 0.99
