"""A name that is not known: what is near is suggested, and nothing that is not."""

from collections.abc import Callable
from pathlib import Path

import pytest

from zoo.cards.shelf import find_card
from zoo.errors import RankzooError, nearest, suggestion
from zoo.experiments.candidate import choose
from zoo.experiments.claims import chosen_claims
from zoo.losses import LOSSES
from zoo.models.backbone import build_backbone
from zoo.recipes.changes import override
from zoo.recipes.find import Choice, find_recipe, known_recipe
from zoo.recipes.own_images import own_recipe

PLACES: dict[str, Callable[[], object]] = {
    "--losses": lambda: choose("nosuch", captions=False),
    "--claims": lambda: chosen_claims("nosuch", captions=False),
    "a loss": lambda: find_recipe(Choice(model="test_resnet", loss="nosuch")),
    "a recipe": lambda: known_recipe("nosuch"),
    "a key": lambda: override(own_recipe("test_resnet"), "batch.nosuch", "1"),
    "a card": lambda: find_card("nosuch"),
    "an architecture": lambda: build_backbone("nosuch"),
}


@pytest.mark.parametrize("typed", ["smoothap", "smoth_ap", "Smooth_ap", "smooth_app"])
def test_a_slip_is_told_the_name_that_was_meant(typed: str) -> None:
    assert suggestion(typed, LOSSES) == "did you mean smooth_ap?"


def test_where_nothing_is_near_it_is_said_what_there_is() -> None:
    assert suggestion("nosuch", LOSSES) == f"known: {', '.join(LOSSES)}"
    assert suggestion("nosuch", LOSSES, "see the list") == "see the list"
    assert nearest("nosuch", LOSSES) == []


@pytest.mark.parametrize("place", PLACES)
def test_no_place_suggests_a_name_that_is_not_near(place: str) -> None:
    with pytest.raises(RankzooError) as caught:
        PLACES[place]()
    assert "did you mean" not in caught.value.hint
    assert "known: " in caught.value.hint or "list" in caught.value.hint


def test_names_are_suggested_by_one_mechanism() -> None:
    root = Path(__file__).parents[1]
    sources = [path for room in ("zoo", "cli") for path in (root / room).rglob("*.py")]
    using = [path.name for path in sources if "difflib" in path.read_text(encoding="utf-8")]
    assert using == ["errors.py"]
