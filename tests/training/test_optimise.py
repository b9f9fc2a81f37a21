"""What a recipe's numbers do to groups, rates and modes."""

import math
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import nn

from zoo.errors import DivergedError, RankzooError, UsageError
from zoo.models import Embedder
from zoo.recipes import Recipe
from zoo.recipes.recipe import LossTerm, Network, Optimiser, Schedule
from zoo.training.layers import frozen_parameters, layer_factors
from zoo.training.optimise import (
    Moment,
    batch_norms,
    build_loss_optimisers,
    build_optimiser,
    check_directions,
    check_finite,
    learning_rate,
    set_loss_rates,
    set_modes,
    set_rates,
)

Build = Callable[..., Embedder]


def rates(schedule: Schedule, final: float, epochs: range, length: int = 10) -> list[float]:
    """Return the rate of the first update of some epochs, from 1 down to `final`."""
    steps = schedule.epochs * length
    return [
        learning_rate(schedule, 1.0, final, Moment(epoch * length, steps, epoch))
        for epoch in epochs
    ]


def test_steps_fall_at_the_epochs_they_name() -> None:
    schedule = Schedule(kind="step", decay_at=(2, 4), decay=0.3)
    assert rates(schedule, 0.0, range(5)) == pytest.approx([1, 1, 0.3, 0.3, 0.09])


def test_rates_fall_from_layer_to_layer_and_the_head_keeps_its_own(
    recipe: Recipe, network: Build
) -> None:
    model = network("test_vit", dim=8)
    settings = Optimiser("adamw", lr=0.8, head_lr=2.0, layer_decay=0.5)
    optimiser = build_optimiser(model, settings)
    now = Moment(0, 12, 0)
    assert set_rates(optimiser, replace(recipe, optimiser=settings), now) == 0.8
    rates = {id(p): group["lr"] for group in optimiser.param_groups for p in group["params"]}
    assert len(rates) == len(list(model.parameters()))
    by_name = {name: rates[id(p)] for name, p in model.named_parameters()}
    blocks = len(model.backbone.get_submodule("blocks"))
    for number in range(blocks):  # the last block has 0.8, each before it half of the next
        found = {rate for name, rate in by_name.items() if f".blocks.{number}." in name}
        assert found == {0.8 * 0.5 ** (blocks - 1 - number)}
    assert by_name["backbone.patch_embed.proj.weight"] == 0.8 * 0.5**blocks
    assert by_name["backbone.norm.weight"] == 0.8
    assert {rate for name, rate in by_name.items() if name.startswith("head.")} == {1.6}


@pytest.mark.parametrize("decay", [0.0, -0.5, 1.1])
def test_a_decay_that_is_none_is_refused(decay: float, network: Build) -> None:
    with pytest.raises(UsageError, match="optimiser.layer_decay="):
        build_optimiser(network(), Optimiser(layer_decay=decay))


def test_a_decay_without_known_layers_is_refused() -> None:
    with pytest.raises(UsageError, match="timm knows no layers of Linear"):
        layer_factors(nn.Linear(2, 2), 0.5)


def test_a_warm_up_raises_every_rate_linearly_to_what_it_would_be(
    recipe: Recipe, network: Build
) -> None:
    settings = Optimiser("sgd", lr=0.8, head_lr=2.0)
    schedule = Schedule(kind="step", decay_at=(1,), decay=0.5, warmup_steps=4)
    optimiser = build_optimiser(network(dim=8), settings)
    chosen = replace(recipe, optimiser=settings, schedule=schedule)
    found = []
    for step in range(6):
        set_rates(optimiser, chosen, Moment(step, 6, step // 5))
        found.append([group["lr"] for group in optimiser.param_groups])
    backbone, head = zip(*found, strict=True)
    assert backbone == pytest.approx([0.2, 0.4, 0.6, 0.8, 0.8, 0.4])
    assert head == pytest.approx([0.4, 0.8, 1.2, 1.6, 1.6, 0.8])


def test_a_warm_up_and_a_cosine_are_multiplied() -> None:
    schedule = Schedule(kind="cosine", warmup_steps=4)
    found = [learning_rate(schedule, 1.0, 0.0, Moment(step, 4, 0)) for step in range(4)]
    assert found == pytest.approx([0.25, 0.5 * 0.853553, 0.75 * 0.5, 0.146447], rel=1e-5)


def test_cosine_ends_at_the_final_rate() -> None:
    schedule = Schedule(kind="cosine")
    found = [learning_rate(schedule, 1e-3, 1e-5, Moment(step, 100, 0)) for step in (0, 50, 100)]
    assert found == pytest.approx([1e-3, 5.05e-4, 1e-5])


def test_a_cosine_per_epoch_stands_still_within_an_epoch() -> None:
    schedule = Schedule(8, kind="cosine", per="epoch")
    optimiser = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    oracle = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, T_max=8, eta_min=0.1)
    for epoch in range(8):
        for place in (0, 9):
            now = Moment(10 * epoch + place, 80, epoch)
            assert learning_rate(schedule, 1.0, 0.1, now) == pytest.approx(oracle.get_last_lr()[0])
        optimiser.step()
        oracle.step()


@pytest.mark.parametrize(("epochs", "last"), [(100, 0.0089), (20, 0.206)])
def test_a_paused_cosine_begins_after_the_frozen_epochs_and_is_cut_short(
    epochs: int, last: float
) -> None:
    schedule = Schedule(epochs, kind="cosine", per="epoch", frozen_epochs=5, paused=True)
    found = rates(schedule, 0.0, range(epochs))
    assert found[:6] == [1.0] * 6  # HAPPIER's epochs 1 to 6
    assert found[6] < 1
    assert found[-1] == pytest.approx(last, rel=0.01)


def test_paused_steps_fall_later() -> None:
    schedule = Schedule(10, kind="step", decay_at=(2,), frozen_epochs=3, paused=True)
    assert rates(schedule, 0.0, range(6)) == pytest.approx([1, 1, 1, 1, 1, 0.3])


def test_backbone_and_head_fall_to_the_same_rate(recipe: Recipe, network: Build) -> None:
    schedule = Schedule(kind="cosine", final_lr=1e-6)
    settings = Optimiser("adam", lr=1e-5, head_lr=2.0)
    optimiser = build_optimiser(network(dim=8), settings)
    chosen = replace(recipe, optimiser=settings, schedule=schedule)
    assert set_rates(optimiser, chosen, Moment(50, 100, 0)) == pytest.approx(5.5e-6)
    assert optimiser.param_groups[1]["lr"] == pytest.approx(1.05e-5)
    set_rates(optimiser, chosen, Moment(100, 100, 0))
    assert [group["lr"] for group in optimiser.param_groups] == pytest.approx([1e-6, 1e-6])


@pytest.mark.parametrize(
    ("name", "kind"),
    [("adam", torch.optim.Adam), ("adamw", torch.optim.AdamW), ("sgd", torch.optim.SGD)],
)
def test_each_loss_with_parameters_has_the_optimiser_its_term_names(
    name: str, kind: type, recipe: Recipe
) -> None:
    term = LossTerm("cluster_proxy", {}, 0.1, name, 0.2, 0.01, 3e-4)  # type: ignore[arg-type]
    chosen = replace(recipe, extra_loss=term, schedule=Schedule(kind="cosine"))
    losses = [nn.Identity(), nn.Linear(2, 3)]
    (optimiser,) = build_loss_optimisers(losses, chosen)
    assert type(optimiser) is kind
    assert optimiser.param_groups[0]["weight_decay"] == 3e-4
    set_loss_rates([optimiser], chosen.schedule, Moment(50, 100, 0))
    assert optimiser.param_groups[0]["lr"] == pytest.approx(0.105)
    if name == "sgd":
        assert optimiser.param_groups[0]["momentum"] == 0.9
        assert optimiser.param_groups[0]["nesterov"]


@pytest.mark.parametrize("name", ["adam", "adamw", "sgd"])
def test_the_head_has_its_own_rate_and_every_weight_is_in_one_group(
    name: str, recipe: Recipe, network: Build
) -> None:
    model = network(pooling="gem", dim=8)
    settings = Optimiser(name, lr=0.5, head_lr=2.0)  # type: ignore[arg-type]
    optimiser = build_optimiser(model, settings)
    rate = set_rates(optimiser, replace(recipe, optimiser=settings), Moment(0, 12, 0))
    assert rate == 0.5
    assert [group["lr"] for group in optimiser.param_groups] == [0.5, 1.0]
    grouped = [id(p) for group in optimiser.param_groups for p in group["params"]]
    assert sorted(grouped) == sorted(id(p) for p in model.parameters())
    assert id(model.pooling.p) in {id(p) for p in optimiser.param_groups[1]["params"]}


@pytest.mark.parametrize(("pooling", "rate"), [("avg", 2.0), ("avg", 1.0), ("gem", 2.0)])
def test_a_rate_of_a_head_that_is_not_there_is_said(
    pooling: str, rate: float, network: Build, caplog: pytest.LogCaptureFixture
) -> None:
    model = network(pooling=pooling)
    build_optimiser(model, Optimiser("adam", lr=0.5, head_lr=rate))
    assert ("optimiser.head_lr=2 says nothing" in caplog.text) == ((pooling, rate) == ("avg", 2))


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


def test_zeros_are_counted_in_each_tower() -> None:
    image, text = torch.eye(2)
    check_directions(torch.stack([torch.cat([image, text])]), 2, 1)
    dead = torch.stack([torch.cat([image, text]), torch.cat([image, 0 * text])])
    with pytest.raises(DivergedError, match="1 of 4 embeddings are zero at step 3"):
        check_directions(dead, 2, 3)
    check_directions(dead, 4, 3)
