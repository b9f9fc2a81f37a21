"""The objective: losses summed with their weights, over all processes, with SiMix and memory."""

from dataclasses import replace

import pytest
import torch

from zoo.data.dataset import ImageDataset
from zoo.errors import UsageError
from zoo.losses import LOSSES
from zoo.recipes import Recipe
from zoo.recipes.recipe import Batch, Data, LossTerm
from zoo.training.distributed import World
from zoo.training.loop import build_objective
from zoo.training.objective import Objective, build_loss

LEVELS = torch.stack([torch.arange(12) // 3, torch.arange(12) // 6], dim=1)
LABELS = LEVELS[:, :1]


def points() -> torch.Tensor:
    return torch.nn.functional.normalize(torch.randn(12, 6, dtype=torch.float64), dim=1)


def objective(recipe: Recipe, levels: int = 1) -> Objective:
    return Objective(recipe, World(), classes=4, dim=6, levels=levels).double()


def test_two_losses_are_summed_with_their_weights(recipe: Recipe) -> None:
    v = points()
    extra = LossTerm("calibration", weight=0.25)
    both = objective(replace(recipe, loss=LossTerm("sup_ap", weight=0.75), extra_loss=extra))
    expected = 0.75 * LOSSES["sup_ap"]()(v, LABELS[:, 0])
    expected = expected + 0.25 * LOSSES["calibration"]()(v, LABELS[:, 0])
    torch.testing.assert_close(both(v, LABELS), expected)


def test_hierarchical_losses_get_all_levels_and_proxies_get_gradients(recipe: Recipe) -> None:
    proxies = LossTerm("cluster_proxy", weight=0.1)
    recipe = replace(recipe, loss=LossTerm("sup_hap"), extra_loss=proxies)
    judged = objective(recipe, levels=2)
    judged(points(), LEVELS).backward()
    gradients = [parameter.grad for parameter in judged.parameters()]
    assert len(gradients) == 1
    assert gradients[0] is not None
    assert gradients[0].abs().sum() > 0


def test_simix_adds_virtual_items_drawn_from_the_global_generator(recipe: Recipe) -> None:
    v = points()
    mixed = objective(replace(recipe, batch=Batch(simix=True)))
    torch.manual_seed(1)
    first = mixed(v, LABELS)
    torch.manual_seed(1)
    assert torch.equal(mixed(v, LABELS), first)
    assert not torch.equal(mixed(v, LABELS), first)
    assert not torch.equal(objective(recipe)(v, LABELS), first)


def test_a_memory_changes_the_second_batch_and_travels_in_the_state(recipe: Recipe) -> None:
    remembering, plain = objective(replace(recipe, memory=30)), objective(recipe)
    first, second = points(), points()
    torch.testing.assert_close(remembering(first, LABELS), plain(first, LABELS))
    copy = objective(replace(recipe, memory=30))
    copy.load_state_dict(remembering.state_dict())
    value = remembering(second, LABELS)
    assert not torch.isclose(value, plain(second, LABELS))
    assert torch.equal(copy(second, LABELS), value)


def test_a_refused_option_names_the_loss() -> None:
    with pytest.raises(UsageError, match="tau"):
        build_loss(LossTerm("smooth_ap", {"tau": -1.0}), classes=2, dim=2)


def test_a_recipe_may_allow_more_levels_than_the_data_has(
    recipe: Recipe, dataset: ImageDataset
) -> None:
    assert len(dataset.levels) == 1
    recipe = replace(recipe, loss=LossTerm("sup_hap"), data=Data(levels=8), memory=30)
    labels = dataset.label_ids[:12, : recipe.data.levels]
    vectors = points().float()
    deep = build_objective(recipe, dataset, World(), 6, None)
    flat = build_objective(replace(recipe, data=Data()), dataset, World(), 6, None)
    torch.testing.assert_close(deep(vectors, labels), flat(vectors, labels))
