"""Where a card's weights are: inside, in an installed package, in one that is not, on the Hub."""

from dataclasses import replace

import pytest

from zoo.cards.shelf import find_card
from zoo.cards.sources import BundledSource, HubSource, PackageSource, Source
from zoo.hub.availability import availability
from zoo.hub.cache import Pin, pin_path, write_pin

HUB = HubSource("me/photos")


@pytest.mark.parametrize(
    ("source", "where"),
    [
        (None, "recipe"),
        (BundledSource("models/weights/emoji-sup_hap"), "here"),
        (PackageSource("pytest", "1", "pytest"), "here"),
        (PackageSource("no-such-package", "1", "no_such_package"), "package"),
        (HUB, "hub"),
    ],
)
def test_a_card_says_where_its_weights_are(source: Source | None, where: str) -> None:
    assert availability(replace(find_card("emoji-sup_hap"), source=source)) == where


def test_one_commit_of_a_repository_that_is_here_says_nothing_of_another() -> None:
    card = replace(find_card("emoji-sup_hap"), source=HUB)
    write_pin(pin_path(HUB.repo, HUB.revision), Pin(HUB.repo, "f" * 40, ()))
    assert availability(card) == "here"
    assert availability(replace(card, source=replace(HUB, revision="a" * 40))) == "hub"
