"""Every recipe can run: its data has a reader, its batch adds up, its network and losses exist."""

from types import ModuleType

import pytest
import timm
import torch

from zoo.data.open import DRAWN
from zoo.data.readers import DATASETS
from zoo.losses.pairs import PAIR_LOSSES
from zoo.models import EmbedderConfig
from zoo.recipes import EMBEDDERS, Recipe, recipes_of
from zoo.training.objective import build_loss

PROXIES = ("arcface", "cluster_proxy", "cross_level", "proxy_nca")
each_recipe = pytest.mark.parametrize(
    "recipe", recipes_of(Recipe).values(), ids=lambda recipe: recipe.name
)


@each_recipe
def test_its_reader_exists(recipe: Recipe) -> None:
    assert recipe.data.reader in {"folder", *DRAWN, *DATASETS}


@each_recipe
def test_its_batch_is_a_whole_number_of_classes_and_super_classes(recipe: Recipe) -> None:
    batch = recipe.batch
    assert batch.size % batch.per_class == 0
    if batch.sampler == "hierarchical":
        assert batch.size // batch.per_class % batch.super_classes == 0


@each_recipe
def test_its_network_can_be_configured(recipe: Recipe) -> None:
    network = recipe.network
    if "/" in network.backbone:
        assert timm.is_model(network.backbone.removeprefix("timm/").split(".")[0])
    config = EmbedderConfig("resnet18", network.pooling, network.layer_norm, network.dim)
    if network.size is not None:
        assert config.at_size(network.size, network.resize).preprocessing.size == network.size


@each_recipe
def test_its_losses_can_be_built(recipe: Recipe) -> None:
    for term in (recipe.loss, recipe.extra_loss):
        if recipe.captions is not None and term is not None:
            assert PAIR_LOSSES[term.name](**term.options)(torch.eye(16)).isfinite()
        elif term is not None:
            tree = torch.arange(12)[:, None].expand(12, recipe.data.levels)
            loss = build_loss(term, tree, dim=8)
            assert bool(list(loss.parameters())) == (term.name in PROXIES)


@each_recipe
def test_its_decay_points_lie_within_the_run(recipe: Recipe) -> None:
    schedule = recipe.schedule
    assert (schedule.kind == "step") == bool(schedule.decay_at)
    assert all(0 < border < schedule.epochs for border in schedule.decay_at)


@each_recipe
def test_published_numbers_are_percentages_with_a_source(recipe: Recipe) -> None:
    if recipe.published is not None:
        assert recipe.published.source
        assert all(1 < value <= 100 for value in recipe.published.metrics.values())


@pytest.mark.parametrize("shelf", EMBEDDERS, ids=lambda shelf: shelf.__name__.split(".")[-1])
def test_the_header_of_a_shelf_lists_its_recipes_and_their_published_numbers(
    shelf: ModuleType,
) -> None:
    lines = str(shelf.__doc__).splitlines()
    assert any(
        f"rankzoo train {recipe.name} " in line for recipe in shelf.RECIPES for line in lines
    )
    for recipe in shelf.RECIPES:
        line = next(line for line in lines if line.split()[:1] == [recipe.name])
        if recipe.published is None:
            assert line.endswith(" -")
        else:
            first = next(iter(recipe.published.metrics.values()))
            assert f" {first} [{recipe.published.tag}]" in line


def test_no_two_recipes_share_a_name() -> None:
    assert len(recipes_of(Recipe)) == sum(len(shelf.RECIPES) for shelf in EMBEDDERS)
