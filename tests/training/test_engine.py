"""Chunks, precisions and layouts change how a run is computed, not what it learns."""

from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from zoo.data.dataset import ImageDataset
from zoo.models import Embedder
from zoo.models.tensor_names import on_disk
from zoo.recipes import Recipe
from zoo.recipes.recipe import Engine, Optimiser
from zoo.training.loop import train

Build = Callable[..., Embedder]


@pytest.fixture
def short(recipe: Recipe) -> Recipe:
    """Five steps of SGD, whose rounding errors are not divided by small gradients."""
    return replace(
        recipe,
        optimiser=Optimiser("sgd", lr=0.005, clip_norm=10.0),
        schedule=replace(recipe.schedule, steps=5),
    )


def moved(run: Path, model: Embedder) -> torch.Tensor:
    """How far each weight of a run is from where it began."""
    found, began = load_file(run / "model.safetensors"), on_disk(model.state_dict())
    return torch.cat([(found[n] - began[n]).double().flatten() for n in found])


@pytest.mark.parametrize("simix", [False, True])
def test_a_run_in_chunks_is_the_run_without_with_memory_and_simix(
    simix: bool, short: Recipe, dataset: ImageDataset, network: Build, tmp_path: Path
) -> None:
    short = replace(short, memory=0 if simix else 12)
    for name, chunk in (("whole", None), ("chunks", 3)):
        batch = replace(short.batch, chunk=chunk, simix=simix)
        train(replace(short, batch=batch), dataset, network(), tmp_path / name)
    whole, chunks = (moved(tmp_path / name, network()) for name in ("whole", "chunks"))
    assert whole.norm() > 1e-3
    assert (whole - chunks).norm() < 1e-3 * whole.norm()


@pytest.mark.slow
@pytest.mark.parametrize(
    "engine",
    [
        Engine(precision="bfloat16"),
        Engine(precision="float16"),
        Engine(channels_last=True),
    ],
    ids=["bfloat16", "float16", "channels_last"],
)
def test_other_arithmetic_moves_the_weights_the_same_way(
    engine: Engine, short: Recipe, dataset: ImageDataset, network: Build, tmp_path: Path
) -> None:
    train(short, dataset, network(), tmp_path / "plain")
    train(replace(short, engine=engine), dataset, network(), tmp_path / "other")
    plain, other = (moved(tmp_path / name, network()) for name in ("plain", "other"))
    assert torch.nn.functional.cosine_similarity(plain, other, dim=0) > 0.9


def test_the_average_is_kept_and_lags_behind(
    short: Recipe, dataset: ImageDataset, network: Build, tmp_path: Path
) -> None:
    train(short, dataset, network(), tmp_path / "plain")
    averaged = replace(short, optimiser=replace(short.optimiser, ema=0.9))
    train(averaged, dataset, network(), tmp_path / "average")
    plain, average = (moved(tmp_path / name, network()) for name in ("plain", "average"))
    assert 0 < average.norm() < 0.8 * plain.norm()


def test_torch_declares_the_kernels_of_float16s_scaler_for_apples_gpus() -> None:
    """No machine here has one: what can be held is that this torch was built with them."""
    torchgen = import_module("torchgen")
    assert torchgen.__file__ is not None
    place = "packaged/ATen/native/native_functions.yaml"
    functions = (Path(torchgen.__file__).parent / place).read_text().split("\n- func: ")
    for name in ("_amp_foreach_non_finite_check_and_unscale_(", "_amp_update_scale_("):
        (declared,) = [text for text in functions if text.startswith(name)]
        assert "    MPS: " in declared
