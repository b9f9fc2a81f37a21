"""Label levels are a tree, or what is none is said."""

import logging
from pathlib import Path

import pytest

from zoo.data.dataset import ImageDataset, Item
from zoo.data.levels import Crossing, crossings, say_crossings

LEVELS = ("label", "label_level_2", "label_level_3")
TREE = [("oak", "tree", "plant"), ("ash", "tree", "plant"), ("cat", "pet", "animal")]


def data(*labels: tuple[str, ...]) -> ImageDataset:
    items = (Item(Path(f"{n}.png"), names) for n, names in enumerate(labels))
    return ImageDataset("photos", Path("photos"), tuple(items), LEVELS)


def test_a_tree_has_no_crossing() -> None:
    assert crossings(TREE, LEVELS) == ()
    assert crossings([("oak",), ("oak",)], LEVELS[:1]) == ()
    assert crossings([(), ()], ()) == ()


def test_a_name_under_two_is_found_at_every_level() -> None:
    more = [("oak", "wood", "plant"), ("ash", "wood", "plant"), ("dog", "pet", "plant")]
    assert crossings(TREE + more, LEVELS) == (
        Crossing("label", "label_level_2", 2, "ash", ("tree", "wood")),
        Crossing("label_level_2", "label_level_3", 1, "pet", ("animal", "plant")),
    )


def test_it_is_said_once_a_level_and_only_of_the_levels_that_count(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "rankzoo")
    crossed = data(*TREE, ("dog", "pet", "plant"))
    say_crossings(crossed, 2)
    say_crossings(data(*TREE), 3)
    assert caplog.messages == []
    say_crossings(crossed, 8)
    (said,) = caplog.messages
    assert "photos: label levels are no tree: 1 of label_level_2 in several of" in said
    assert "such as 'pet' in 'animal' and 'plant'" in said
