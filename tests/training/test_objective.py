"""The objective: losses summed with their weights, over all processes, with SiMix and memory."""

from dataclasses import replace

import pytest
import torch

from zoo.data.dataset import ImageDataset, hold_out
from zoo.errors import UsageError
from zoo.losses import LOSSES
from zoo.recipes import Recipe
from zoo.recipes.recipe import Batch, Data, LossTerm, MemoryUse
from zoo.training.distributed import World
from zoo.training.loader import training_labels
from zoo.training.loop import build_objective
from zoo.training.objective import Objective, build_loss, class_tree

LEVELS = torch.stack([torch.arange(12) // 3, torch.arange(12) // 6], dim=1)
LABELS = LEVELS[:, :1]


def points() -> torch.Tensor:
    return torch.nn.functional.normalize(torch.randn(12, 6, dtype=torch.float64), dim=1)


def objective(recipe: Recipe, levels: int = 1) -> Objective:
    return Objective(recipe, World(), class_tree(LEVELS[:, :levels]), dim=6, images=12).double()


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


def test_a_memory_is_used_from_its_epoch_on_and_filled_before(recipe: Recipe) -> None:
    late = objective(replace(recipe, memory=30, memory_use=MemoryUse(from_epoch=2, join="sum")))
    plain = objective(recipe)
    for epoch in range(3):
        late.epoch = epoch
        v = points()
        assert torch.isclose(late(v, LABELS), plain(v, LABELS)) == (epoch < 2)


def test_a_unique_memory_has_a_place_for_every_image_and_none_for_virtual_ones(
    recipe: Recipe,
) -> None:
    unique = replace(recipe, memory=1, memory_use=MemoryUse(unique=True, join="sum"))
    judged = objective(unique)
    judged(points(), LABELS, torch.arange(12))
    assert bool(judged.losses[0].seen.all())  # type: ignore[operator]
    with pytest.raises(UsageError, match="virtual items"):
        objective(replace(unique, batch=Batch(simix=True)))


def test_a_loss_over_levels_is_told_the_tree_of_the_classes(recipe: Recipe) -> None:
    term = LossTerm("cross_level", {"margins": (0.25, 0.45)})
    judged = objective(replace(recipe, loss=term), levels=2)
    assert judged.losses[0].tree.tolist() == [[0, 0], [1, 0], [2, 1], [3, 1]]  # type: ignore[operator]
    assert judged(points(), LEVELS).isfinite()


def test_proxies_stand_for_the_classes_that_are_trained_on(
    recipe: Recipe, dataset: ImageDataset
) -> None:
    training = hold_out(dataset).split("train")
    recipe = replace(recipe, extra_loss=LossTerm("cluster_proxy"))
    judged = build_objective(recipe, training, World(), 6, None)
    labels = training_labels(recipe, training)[:, 0]
    assert (
        len(next(iter(judged.parameters()))) == int(labels.max()) + 1 == len(torch.unique(labels))
    )
    assert len(torch.unique(labels)) < len(dataset.label_names[0])


def test_a_refused_option_names_the_loss() -> None:
    with pytest.raises(UsageError, match="tau"):
        build_loss(LossTerm("smooth_ap", {"tau": -1.0}), torch.zeros(2, 1).long(), dim=2)


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
