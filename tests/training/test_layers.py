"""What a recipe asks of layers: the gradient stays, and networks that cannot are refused early."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.models.tiny_clip import tiny_clip
from zoo.data.dataset import ImageDataset
from zoo.errors import UsageError
from zoo.models import Embedder
from zoo.models.clip import load_clip
from zoo.models.kinds import AnyEmbedder
from zoo.recipes import Recipe, recipes_of
from zoo.recipes.changes import override
from zoo.recipes.detector import DetectionRecipe
from zoo.recipes.recipe import Engine
from zoo.recipes.scores import ScoreRecipe
from zoo.recipes.sorters import SorterRecipe
from zoo.recipes.values import AnyRecipe, from_json, to_json
from zoo.runs.options import TrainOptions
from zoo.training.embedders import plan
from zoo.training.layers import check_layers, recompute
from zoo.training.loop import train

Build = Callable[..., Embedder]


def gradient(model: AnyEmbedder, images: torch.Tensor) -> tuple[torch.Tensor, int]:
    """Return the gradient of a forward pass, and how often a norm amid the network ran."""
    calls: list[int] = []
    kinds = (torch.nn.LayerNorm, torch.nn.BatchNorm2d)
    layers = [m for m in model.backbone.modules() if isinstance(m, kinds)]
    layers[len(layers) // 2].register_forward_hook(lambda *_: calls.append(1))
    model.train()
    with torch.random.fork_rng():
        torch.manual_seed(3)
        model(images).pow(3).sum().backward()
    found = [p.grad.flatten() for p in model.parameters() if p.grad is not None]
    return torch.cat(found), len(calls)


@pytest.mark.parametrize("architecture", ["test_resnet", "test_vit", "test_efficientnet"])
def test_the_gradient_is_the_same_and_blocks_run_twice(architecture: str, network: Build) -> None:
    images = torch.randn(3, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    plain, other = network(architecture), network(architecture)
    recompute(other.backbone)
    (ours, once), (theirs, twice) = gradient(plain, images), gradient(other, images)
    assert (once, twice) == (1, 2)
    assert ours.norm() > 0
    assert torch.allclose(ours, theirs, rtol=1e-5, atol=1e-7)


def test_the_image_tower_of_clip_computes_again_too(tmp_path: Path) -> None:
    images = torch.randn(3, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    folder = tiny_clip(tmp_path / "clip")
    plain, other = load_clip(folder), load_clip(folder)
    recompute(other.backbone)
    assert torch.allclose(gradient(plain, images)[0], gradient(other, images)[0], rtol=1e-5)
    encoder: Any = other.backbone.get_submodule("vision_model.encoder")
    assert encoder.layers[0].gradient_checkpointing


def test_a_run_that_computes_again_ends_where_the_run_without_does(
    recipe: Recipe, dataset: ImageDataset, network: Build, tmp_path: Path
) -> None:
    recipe = replace(recipe, schedule=replace(recipe.schedule, steps=2))
    plain, other = network(), network()
    began = torch.cat([p.detach().flatten().clone() for p in plain.parameters()])
    train(recipe, dataset, plain, tmp_path / "plain")
    again = replace(recipe, engine=Engine(checkpointing=True))
    train(again, dataset, other, tmp_path / "again")
    ours, theirs = (
        torch.cat([p.detach().flatten() for p in model.parameters()]) for model in (plain, other)
    )
    assert (ours - began).norm() > 0
    assert (ours - theirs).norm() < 1e-3 * (ours - began).norm()


@pytest.mark.parametrize("backbone", ["timm/vgg11.tv_in1k", "vgg11"])
def test_a_network_that_cannot_is_refused_before_data_is_read(
    backbone: str, recipe: Recipe, tmp_path: Path
) -> None:
    chosen = override(
        override(recipe, "network.backbone", backbone), "engine.checkpointing", "true"
    )
    with pytest.raises(UsageError, match="VGG cannot compute its blocks again") as caught:
        plan(chosen, TrainOptions(tmp_path / "run", tmp_path / "no data"))
    assert "batch.chunk" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("network.frozen", ("layer9",), "no part 'layer9'"),
        ("optimiser.layer_decay", 1.5, "optimiser.layer_decay=1.5"),
        ("lora.rank", -1, "rank above 0"),
    ],
)
def test_each_wish_of_layers_alone_is_checked_before_data_is_read(
    key: str, value: object, told: str, recipe: Recipe, tmp_path: Path
) -> None:
    section, name = key.split(".")
    chosen = override(recipe, "network.backbone", "resnet18")
    changed = replace(getattr(chosen, section), **{name: value})
    chosen = replace(chosen, **{section: changed})
    with pytest.raises(UsageError) as caught:
        plan(chosen, TrainOptions(tmp_path / "run", tmp_path / "no data"))
    assert told in f"{caught.value} {caught.value.hint}"


def test_batch_norms_that_train_would_count_twice_and_are_refused(recipe: Recipe) -> None:
    chosen = override(recipe, "engine.checkpointing", "true")
    check_layers(chosen)
    with pytest.raises(UsageError, match="count every batch twice"):
        check_layers(override(chosen, "network.batch_norm", "train"))


@pytest.mark.parametrize("kind", [ScoreRecipe, SorterRecipe, DetectionRecipe])
def test_other_kinds_of_recipes_have_no_such_key(kind: type[AnyRecipe]) -> None:
    other = next(iter(recipes_of(kind).values()))
    with pytest.raises(UsageError, match="engine.checkpointing: unknown key"):
        override(other, "engine.checkpointing", "true")


def test_a_recipe_file_from_before_computes_nothing_again(recipe: Recipe) -> None:
    value = to_json(recipe)
    del value["engine"]["checkpointing"], value["optimiser"]["layer_decay"]
    del value["schedule"]["warmup_steps"]
    assert from_json(value) == recipe
