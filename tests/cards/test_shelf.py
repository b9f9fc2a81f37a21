from collections.abc import Mapping
from importlib.metadata import requires

import pytest
import timm

from zoo.cards.recipe_card import (
    Carded,
    backbone_of,
    published_results,
    recipe_card,
)
from zoo.cards.schema import problems
from zoo.cards.shelf import Card, all_cards
from zoo.cards.sources import FolderSource, HubSource, PackageSource
from zoo.errors import UsageError
from zoo.hub.package import package_folder, verified_files
from zoo.recipes import RECIPES

CARDED: dict[str, Carded] = {
    name: recipe
    for name, recipe in RECIPES.items()
    if isinstance(recipe, Carded) and recipe.network.backbone
}
DEVIATING: dict[str, Mapping[str, str]] = {
    name: recipe.deviates for name, recipe in CARDED.items() if recipe.deviates
}
CARDS = list(all_cards().values())


WITH_TRANSFORM = [card for card in CARDS if "transform" in card.block]


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.name)
def test_a_card_follows_the_schema_and_names_an_existing_recipe(card: Card) -> None:
    assert problems(card, RECIPES) == []


@pytest.mark.parametrize("card", WITH_TRANSFORM, ids=lambda card: card.name)
def test_a_backbone_card_agrees_with_timm(card: Card) -> None:
    architecture = card.block["architecture"]
    assert timm.is_model(architecture)
    if isinstance(card.source, HubSource):
        registered = timm.get_pretrained_cfg(card.name)
        assert registered.hf_hub_id == card.source.repo
        transform = card.block["transform"]
        for key in ("input_size", "mean", "std"):
            assert list(getattr(registered, key)) == transform[key], key
        assert registered.interpolation == transform["interpolation"]
        assert registered.crop_pct == transform["crop_pct"]
        assert card.license in (registered.license, "unknown")


def of(card: Card) -> PackageSource:
    assert isinstance(card.source, PackageSource)
    return card.source


# One package asks for the torch of its year, so that no extra of ours can ask for it.
EXTRAS = "\n".join(requires("rankzoo") or [])
BY_HAND = {"mobilenet_v2"}
PACKAGED = [card for card in CARDS if isinstance(card.source, PackageSource)]


def test_every_package_of_weights_but_one_is_asked_for_by_an_extra() -> None:
    assert {card.name for card in PACKAGED if of(card).distribution not in EXTRAS} == BY_HAND


@pytest.mark.parametrize(
    "card", [card for card in PACKAGED if card.name not in BY_HAND], ids=lambda card: card.name
)
def test_a_packaged_card_holds_the_hashes_of_the_package(card: Card) -> None:
    assert len(verified_files(package_folder(of(card)), card.files, card.name)) >= 1


def test_the_backbones_of_the_papers_are_on_the_shelf() -> None:
    assert {
        "resnet18.tv_in1k",
        "resnet50.tv_in1k",
        "resnet101.tv_in1k",
        "vgg16.tv_in1k",
        "deit_small_patch16_224.fb_in1k",
        "vit_small_patch16_224.augreg_in21k_ft_in1k",
        "vit_base_patch16_224.augreg_in21k",
        "vit_small_patch14_dinov2.lvd142m",
        "vit_base_patch32_clip_quickgelu_224.openai",
        "all-minilm-l6-v2",
        "efficientnet_lite0",
    } <= all_cards().keys()


@pytest.mark.parametrize("name", CARDED)
def test_every_recipe_has_a_card_with_the_numbers_it_quotes(name: str) -> None:
    assert name in all_cards(), f"write it: rankzoo card new {name} --out model_cards/{name}.md"
    card, recipe = all_cards()[name], CARDED[name]
    assert card.block["recipe"] == name
    quoted = [result for result in card.results if result.provenance == "quoted"]
    assert quoted == published_results(recipe)
    assert backbone_of(recipe) in all_cards()


@pytest.mark.parametrize("name", DEVIATING)
def test_a_card_says_where_its_recipe_deviates_from_the_source_and_why(name: str) -> None:
    body = all_cards()[name].body
    for field, reason in DEVIATING[name].items():
        assert f"* {field}: {reason}." in body


def test_no_card_of_the_shelf_has_its_weights_beside_it() -> None:
    assert not [card.name for card in CARDS if isinstance(card.source, FolderSource)]


@pytest.mark.parametrize(
    ("name", "match", "hint"),
    [
        ("sop-resnet50-supapp", "is unknown", "did you mean sop-resnet50-supap?"),
        ("scenes-retinanet-r18-ap", "no card of its own", "rankzoo card new RUN"),
    ],
)
def test_a_recipe_without_a_card_is_told_from_one_that_does_not_exist(
    name: str, match: str, hint: str
) -> None:
    with pytest.raises(UsageError, match=match) as caught:
        recipe_card(name)
    assert hint in caught.value.hint
