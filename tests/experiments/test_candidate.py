from dataclasses import replace

import pytest
import torch

from zoo.errors import UsageError
from zoo.experiments.candidate import OWN, candidates, choose
from zoo.experiments.plan import Plan
from zoo.losses import LOSSES
from zoo.losses.pairs import PAIR_LOSSES
from zoo.recipes import Recipe, recipes_of
from zoo.training.objective import build_loss

RATES = (1e-4, 1e-3)
TREE = torch.arange(4)[:, None]  # four classes, one level


def test_all_means_every_loss_and_the_untrained_network() -> None:
    assert LOSSES.keys() <= {candidate.name for candidate in choose("all", captions=False)}
    names = [candidate.name for candidate in choose("all", captions=True)]
    assert names == ["untrained", *PAIR_LOSSES]


def test_a_loss_that_is_not_known_is_named_with_its_neighbour() -> None:
    with pytest.raises(UsageError, match="smoth_ap") as caught:
        choose("smoth_ap", captions=False)
    assert "smooth_ap" in caught.value.hint


def test_a_name_given_twice_takes_part_once() -> None:
    assert [c.name for c in choose("triplet, triplet", captions=False)] == ["triplet"]


@pytest.mark.parametrize("captions", [False, True])
def test_everyone_gets_the_same_tuning_budget(captions: bool, base: Recipe) -> None:
    everyone = tuple(candidates(captions).values())
    plan = Plan(base, everyone, rates=RATES, method="tpe", trials=8)
    runs = {candidate.name: plan.tuning_runs(candidate) for candidate in everyone}
    assert runs.pop("untrained") == 0
    assert set(runs.values()) == {8}
    grid = replace(plan, method="grid")
    for candidate in everyone:
        assert grid.tuning_runs(candidate) in (0, len(RATES) * len(candidate.own))
    assert OWN.keys() <= {*LOSSES, *PAIR_LOSSES}


@pytest.mark.parametrize("name", [c for c in candidates(False) if c != "untrained"])
def test_every_point_of_every_grid_builds_its_losses(name: str, base: Recipe) -> None:
    candidate = candidates(False)[name]
    built = []
    for point in candidate.points(RATES):
        recipe = candidate.recipe(base, point, steps=20)
        assert recipe.schedule.steps == 20
        built.append(recipe)
        for term in (recipe.loss, recipe.extra_loss):
            if term is not None:
                loss = build_loss(term, TREE, dim=8)
                points = torch.nn.functional.normalize(torch.randn(20, 8), dim=1)
                labels = torch.arange(20)[:, None] // torch.tensor([5, 10])
                assert loss(points, labels).isfinite()
    assert len({repr(recipe) for recipe in built}) == len(RATES) * len(candidate.own)


@pytest.mark.parametrize("name", [c for c in candidates(True) if c != "untrained"])
def test_every_point_of_the_caption_grids_is_a_recipe(name: str) -> None:
    candidate = candidates(True)[name]
    recipes = {
        repr(candidate.recipe(recipes_of(Recipe)["emoji-captions"], p, 5))
        for p in candidate.points(RATES)
    }
    assert len(recipes) == len(RATES) * len(candidate.own)


def test_candidates_differ_in_the_loss_alone(base: Recipe) -> None:
    for candidate in candidates(False).values():
        for point in candidate.points(RATES):
            recipe = candidate.recipe(base, point, steps=20)
            bare = replace(
                recipe,
                loss=base.loss,
                extra_loss=None,
                schedule=base.schedule,
                optimiser=replace(recipe.optimiser, lr=base.optimiser.lr),
            )
            assert bare == base
