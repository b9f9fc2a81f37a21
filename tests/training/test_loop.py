"""The loop from recipe to run folder, and what a stopped run keeps."""

import json
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import PIL.Image
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from zoo.data.dataset import ImageDataset
from zoo.errors import InterruptedRunError, UsageError
from zoo.models import Embedder, load_embedder
from zoo.recipes import Recipe
from zoo.recipes.changes import override
from zoo.recipes.own_images import own_recipe
from zoo.recipes.recipe import Augmentation
from zoo.recipes.values import read_recipe
from zoo.training.loop import train

Network = Callable[..., Embedder]


def weights_of(run: Path) -> dict[str, Tensor]:
    return load_file(run / "model.safetensors")


def assert_same_bits(one: Path, other: Path) -> None:
    ours, theirs = weights_of(one), weights_of(other)
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_a_run_leaves_a_model_folder_with_everything_beside_it(
    recipe: Recipe, dataset: ImageDataset, network: Network, tmp_path: Path
) -> None:
    recipe = override(recipe, "engine.evaluate_every", "5")
    run = tmp_path / "run"
    result = train(recipe, dataset, network(), run)
    assert result.run == run
    assert 0 <= result.metrics["recall_at_1"] <= 1
    assert load_embedder(run).dim == network().dim
    assert read_recipe(run / "recipe.json") == recipe
    assert json.loads((run / "results.json").read_text())["metrics"] == result.metrics
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [5, 10, 10, 12]
    assert load_embedder(run / "best").dim == network().dim
    with PIL.Image.open(run / "curves.png") as curves:
        assert curves.width > 100
    assert len(list((run / "checkpoints").iterdir())) == 1


def test_training_lowers_the_loss(
    recipe: Recipe, dataset: ImageDataset, network: Network, tmp_path: Path
) -> None:
    losses: list[float] = []
    # A rank loss knows these colours apart from the first step on; a distance goes on falling.
    loss = own_recipe("test_resnet", "contrastive").loss
    recipe = replace(recipe, loss=loss, augmentation=Augmentation(scale=(0.8, 1.0)))
    recipe = override(override(recipe, "schedule.steps", "40"), "network.batch_norm", "train")
    recipe = override(override(recipe, "batch.chunk", "null"), "batch.per_class", "4")
    recipe = override(override(recipe, "batch.size", "32"), "optimiser.lr", "3e-3")
    train(
        recipe,
        dataset,
        network(),
        tmp_path / "run",
        listeners=[lambda row: losses.append(row["loss"]) if "loss" in row else None],
    )
    assert losses[0] > 0.01
    assert losses[-1] < 0.5 * losses[0]


def test_the_same_seed_gives_the_same_bits_and_another_seed_does_not(
    recipe: Recipe, dataset: ImageDataset, network: Network, tmp_path: Path
) -> None:
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        train(recipe, dataset, network(), tmp_path / name, seed=seed)
    assert_same_bits(tmp_path / "a", tmp_path / "b")
    with pytest.raises(AssertionError):
        assert_same_bits(tmp_path / "a", tmp_path / "c")


class Stop:
    """A listener that sends this process a signal when a step's row arrives."""

    def __init__(self, step: int, number: signal.Signals) -> None:
        self.step, self.number = step, number

    def __call__(self, row: dict[str, float]) -> None:
        if row["step"] == self.step:
            os.kill(os.getpid(), self.number)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_saves_and_resuming_ends_with_the_same_bits(
    number: signal.Signals,
    recipe: Recipe,
    dataset: ImageDataset,
    network: Network,
    tmp_path: Path,
) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    recipe = replace(recipe, memory=20)
    recipe = override(override(recipe, "optimiser.ema", "0.9"), "schedule.steps", "14")
    train(recipe, dataset, network(), whole)
    with pytest.raises(InterruptedRunError, match="after step 10 of 14") as caught:
        train(recipe, dataset, network(), parts, listeners=[Stop(10, number)])
    assert caught.value.code == 130
    torch.manual_seed(99)
    train(recipe, dataset, network(), parts, resume=True)
    assert_same_bits(whole, parts)


def test_a_run_is_never_overwritten(
    recipe: Recipe, dataset: ImageDataset, network: Network, tmp_path: Path
) -> None:
    train(recipe, dataset, network(), tmp_path / "run")
    with pytest.raises(UsageError, match="already exists"):
        train(recipe, dataset, network(), tmp_path / "run")


def test_resuming_with_another_recipe_seed_or_data_is_refused(
    recipe: Recipe, dataset: ImageDataset, network: Network, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    train(recipe, dataset, network(), run)
    with pytest.raises(UsageError, match=r"optimiser\.lr: 0\.001 -> 1\.0"):
        train(override(recipe, "optimiser.lr", "1"), dataset, network(), run, resume=True)
    with pytest.raises(UsageError, match="seed was 0, now 5"):
        train(recipe, dataset, network(), run, resume=True, seed=5)
    fewer = dataset.subset(i for i in range(len(dataset)) if i % 4)
    with pytest.raises(UsageError, match="items was"):
        train(recipe, fewer, network(), run, resume=True)


def test_resuming_a_finished_run_changes_nothing(
    recipe: Recipe, dataset: ImageDataset, network: Network, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    first = train(recipe, dataset, network(), run)
    before = weights_of(run)
    again = train(recipe, dataset, network(), run, resume=True)
    assert again.metrics == first.metrics
    assert all(torch.equal(before[name], weights_of(run)[name]) for name in before)
