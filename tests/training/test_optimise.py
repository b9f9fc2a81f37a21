"""What a recipe's numbers do to groups, rates and modes."""

import math
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import nn

from zoo.errors import RankzooError, UsageError
from zoo.models import Embedder
from zoo.recipes import Recipe
from zoo.recipes.recipe import Network, Optimiser, Schedule
from zoo.training.optimise import (
    batch_norms,
    build_optimiser,
    check_finite,
    frozen_parameters,
    learning_rate,
    set_modes,
    set_rates,
)

Build = Callable[..., Embedder]


def test_steps_fall_at_the_epochs_they_name() -> None:
    schedule = Schedule(kind="step", decay_at=(2, 4), decay=0.3)
    rates = [learning_rate(schedule, 1.0, 0.0, step, 50, 10) for step in (0, 19, 20, 39, 40)]
    assert rates == pytest.approx([1, 1, 0.3, 0.3, 0.09])


def test_cosine_ends_at_the_final_rate() -> None:
    schedule = Schedule(kind="cosine")
    assert learning_rate(schedule, 1e-3, 1e-5, 0, 100, 10) == pytest.approx(1e-3)
    assert learning_rate(schedule, 1e-3, 1e-5, 50, 100, 10) == pytest.approx(5.05e-4)
    assert learning_rate(schedule, 1e-3, 1e-5, 100, 100, 10) == pytest.approx(1e-5)


@pytest.mark.parametrize("name", ["adam", "adamw", "sgd"])
def test_the_head_has_its_own_rate_and_every_weight_is_in_one_group(
    name: str, recipe: Recipe, network: Build
) -> None:
    model = network(pooling="gem", dim=8)
    settings = Optimiser(name, lr=0.5, head_lr=2.0)  # type: ignore[arg-type]
    optimiser = build_optimiser(model, settings)
    rate = set_rates(optimiser, replace(recipe, optimiser=settings), 0, 12, 4)
    assert rate == 0.5
    assert [group["lr"] for group in optimiser.param_groups] == [0.5, 1.0]
    grouped = [id(p) for group in optimiser.param_groups for p in group["params"]]
    assert sorted(grouped) == sorted(id(p) for p in model.parameters())
    assert id(model.pooling.p) in {id(p) for p in optimiser.param_groups[1]["params"]}


@pytest.mark.parametrize("mode", ["frozen", "fixed", "train"])
def test_batch_norms_follow_the_recipe(mode: str, recipe: Recipe, network: Build) -> None:
    model = network()
    chosen = Network("tiny", batch_norm=mode)  # type: ignore[arg-type]
    set_modes(model, replace(recipe, network=chosen), epoch=0)
    norms = list(batch_norms(model))
    assert norms
    assert model.training
    for norm in norms:
        assert norm.training == (mode == "train")
        assert all(p.requires_grad == (mode != "fixed") for p in norm.parameters())


def test_the_backbone_rests_during_the_frozen_epochs(recipe: Recipe, network: Build) -> None:
    model = network(dim=8)
    recipe = replace(recipe, schedule=Schedule(frozen_epochs=2))
    for epoch, trains in ((0, False), (1, False), (2, True)):
        set_modes(model, recipe, epoch)
        assert all(p.requires_grad == trains for p in model.backbone.parameters())
        assert all(p.requires_grad for p in model.head.parameters())


def test_named_parts_of_the_backbone_never_train(recipe: Recipe, network: Build) -> None:
    model = network(dim=8)
    recipe = replace(recipe, network=Network("tiny", frozen=("conv1", "layer1.0")))
    set_modes(model, recipe, epoch=5)
    resting = {name for name, p in model.backbone.named_parameters() if not p.requires_grad}
    expected = {
        name
        for name, _ in model.backbone.named_parameters()
        if name.startswith(("conv1.", "layer1.0."))
    }
    assert resting == expected != set()


def test_a_part_is_named_whole_or_refused(network: Build) -> None:
    backbone = network().backbone
    assert len(frozen_parameters(backbone, ["layer1"])) > len(
        frozen_parameters(backbone, ["layer1.0.conv1"])
    )
    with pytest.raises(UsageError, match="no part 'layer'") as caught:
        frozen_parameters(backbone, ["layer"])
    assert "layer1.0" in str(caught.value.hint)


def test_a_loss_that_is_no_number_stops_the_run() -> None:
    check_finite(0.5, 1)
    with pytest.raises(RankzooError, match="near step 7"):
        check_finite(math.nan, 7)


def test_batch_norms_are_found_among_other_layers() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2), nn.LayerNorm(2), torch.nn.ReLU())
    assert [type(norm) for norm in batch_norms(model)] == [nn.BatchNorm1d]
