import pytest
import torch

from zoo.errors import UsageError
from zoo.experiments.candidate import Candidate, candidates
from zoo.experiments.claims import CLAIMS, Claim, arms, chosen_claims, verdict
from zoo.experiments.standings import Values
from zoo.losses import LOSSES
from zoo.losses.pairs import PAIR_LOSSES
from zoo.recipes import Recipe, recipes_of
from zoo.recipes.recipe import LossTerm
from zoo.training.objective import build_loss

RATES = (1e-4, 1e-3)
TREE = torch.arange(4)[:, None]  # four classes, one level
CLAIM = CLAIMS["h_ap_trades_fine_for_coarse"]


def runs(h_ap: float, map_at_r: float) -> dict[int, Values]:
    return {
        seed: {
            "h_ap": torch.full((40,), h_ap, dtype=torch.float64),
            "map_at_r": torch.full((40,), map_at_r, dtype=torch.float64),
        }
        for seed in range(3)
    }


@pytest.mark.parametrize("claim", CLAIMS.values(), ids=lambda claim: claim.name)
def test_every_claim_can_be_run(claim: Claim) -> None:
    base = recipes_of(Recipe)["emoji-captions" if claim.captions else "emoji-recall_at_k"]
    recipes = []
    for side in arms(claim):
        for point in side.points(RATES):
            recipes.append(repr(side.recipe(base, point, steps=400)))
            recipe = side.recipe(base, point, steps=400)
            for term in (recipe.loss, recipe.extra_loss):
                if term is not None and term.name in LOSSES:
                    build_loss(term, TREE, dim=8)
                elif term is not None:
                    assert PAIR_LOSSES[term.name](**term.options)(torch.eye(5)).isfinite()
    assert len(set(recipes)) == len(recipes), "both sides would be the same run"


def test_a_name_means_the_same_candidate_in_every_claim_and_among_the_losses() -> None:
    known: dict[str, Candidate] = {**candidates(False), **candidates(True)}
    for claim in CLAIMS.values():
        for side in arms(claim):
            assert known.setdefault(side.name, side) == side


def test_both_sides_of_a_claim_may_choose_from_as_many_settings() -> None:
    for claim in CLAIMS.values():
        assert len(claim.a.points(RATES)) == len(claim.b.points(RATES))


def test_yes_needs_every_expectation_and_no_a_single_clear_break() -> None:
    ap = runs(0.5, 0.5)
    assert verdict(CLAIM, {"sup_ap": ap, "sup_hap": runs(0.6, 0.4)}).answer == "yes"
    assert verdict(CLAIM, {"sup_ap": ap, "sup_hap": runs(0.6, 0.6)}).answer == "no"
    assert verdict(CLAIM, {"sup_ap": ap, "sup_hap": runs(0.6, 0.5)}).answer == "unclear"


def test_a_claim_without_its_runs_or_its_levels_is_unclear_and_says_why() -> None:
    assert "finished" in verdict(CLAIM, {"sup_ap": runs(0.5, 0.5)}).note
    flat = {seed: {"map_at_r": torch.rand(40).double()} for seed in range(2)}
    assert "h_ap" in verdict(CLAIM, {"sup_ap": flat, "sup_hap": flat}).note


def test_claims_are_chosen_by_name_and_by_task() -> None:
    assert [claim.name for claim in chosen_claims("simix,blackbox_margin", False)] == [
        "simix",
        "blackbox_margin",
    ]
    assert all(claim.captions for claim in chosen_claims("all", captions=True))
    with pytest.raises(UsageError, match="simx"):
        chosen_claims("simx", False)
    with pytest.raises(UsageError, match="captions"):
        chosen_claims("learned_sorter", False)


def test_a_changed_key_reaches_the_recipe() -> None:
    big = CLAIMS["large_batch_equal_updates"].b
    recipe = big.recipe(recipes_of(Recipe)["emoji-recall_at_k"], big.points(RATES)[0], 400)
    assert (recipe.batch.size, recipe.batch.chunk, recipe.schedule.steps) == (1024, 128, 100)
    assert recipe.loss == LossTerm("recall_at_k")
