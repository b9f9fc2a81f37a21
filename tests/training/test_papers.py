"""A whole run with what the papers' recipes need together: it ends, and goes on with equal bits."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from safetensors.torch import load_file

from zoo.data.dataset import ImageDataset
from zoo.models import Embedder
from zoo.recipes import Recipe
from zoo.recipes.changes import override
from zoo.recipes.recipe import Augmentation, Batch, LossTerm, MemoryUse, Schedule
from zoo.training.loop import train

Network = Callable[..., Embedder]


def as_the_papers(recipe: Recipe) -> Recipe:
    """Greedy batches, a pause, keyed memory, proxies by SGD, and a resize before the crop."""
    return replace(
        recipe,
        batch=Batch(8, per_class=2, sampler="every_image"),
        schedule=Schedule(2, kind="cosine", per="epoch", frozen_epochs=1, paused=True),
        augmentation=Augmentation(resize=32),
        loss=LossTerm("sup_ap", {"query": "positive"}),
        extra_loss=LossTerm("cluster_proxy", {}, 0.1, "sgd", 0.1, 1e-3, 1e-4),
        memory=1,
        memory_use=MemoryUse(unique=True, from_epoch=1, join="sum"),
    )


def test_a_run_with_the_papers_mechanisms_resumes_with_the_same_bits(
    recipe: Recipe, dataset: ImageDataset, network: Network, tmp_path: Path
) -> None:
    recipe = override(as_the_papers(recipe), "engine.checkpoint_every", "5")
    whole, again = tmp_path / "whole", tmp_path / "again"
    train(recipe, dataset, network(dim=8), whole)
    train(recipe, dataset, network(dim=8), again)
    expected = load_file(whole / "model.safetensors")
    newest = max((again / "checkpoints").iterdir())
    for file in newest.iterdir():  # as if the machine had stopped after the checkpoint before
        file.unlink()
    newest.rmdir()
    (again / "model.safetensors").unlink()
    train(recipe, dataset, network(dim=8), again, resume=True)
    found = load_file(again / "model.safetensors")
    assert all(torch.equal(found[name], expected[name]) for name in expected)
