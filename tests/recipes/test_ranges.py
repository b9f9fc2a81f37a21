"""A number that a key does not take is refused when the recipe is read, whatever the task."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import is_dataclass
from typing import Any, get_args, get_origin, get_type_hints

import pytest

from zoo.errors import UsageError
from zoo.recipes import RECIPES, Recipe, ScoreRecipe, SorterRecipe
from zoo.recipes.changes import override
from zoo.recipes.detector import DetectionRecipe
from zoo.recipes.ranges import COUNT, NOT_NEGATIVE, PART, POSITIVE, RANGES, SHARE, range_of
from zoo.recipes.values import from_json, to_json

SCHEMAS = {
    "emoji-recall_at_k": Recipe,
    "scenes-sodeep": ScoreRecipe,
    "sorter-grus": SorterRecipe,
    "scenes-retinanet-r18-ap": DetectionRecipe,
}


def parts(hint: Any) -> Iterator[Any]:
    """List a type and what it is made of."""
    yield hint
    for part in get_args(hint):
        yield from parts(part)


def numbers(kind: Any, prefix: str = "") -> Iterator[str]:
    """List the keys of a schema that hold a number, or several."""
    for name, hint in get_type_hints(kind).items():
        for section in filter(is_dataclass, parts(hint)):
            yield from numbers(section, f"{prefix}{name}.")
        if {int, float} & set(parts(hint)) and not {Mapping, dict} & {get_origin(hint)}:
            yield prefix + name


OF_RECIPE = [(recipe, key) for recipe, kind in SCHEMAS.items() for key in numbers(kind)]
KEYS = sorted({key for _, key in OF_RECIPE})


def test_every_number_of_every_task_has_a_range() -> None:
    assert [key for key in KEYS if range_of(key) is None] == []
    assert {"batch.size", "augmentation.scale", "memory", "network.box_stds"} <= set(KEYS)


def test_every_range_is_of_a_key() -> None:
    used = {key if key in RANGES else key.rpartition(".")[2] for key in KEYS}
    assert set(RANGES) == used


@pytest.mark.parametrize(
    ("allowed", "inside", "outside"),
    [
        (COUNT, [1, 7], [0, -1]),
        (NOT_NEGATIVE, [0, 0.5], [-1e-9]),
        (POSITIVE, [1e-9, 40], [0, -2]),
        (SHARE, [0, 0.5, 1], [-0.1, 1.1]),
        (PART, [0.1, 1], [0, 1.1]),
    ],
    ids=str,
)
def test_a_range_ends_where_it_says(
    allowed: Any, inside: list[float], outside: list[float]
) -> None:
    assert all(map(allowed.holds, inside))
    assert not any(map(allowed.holds, [*outside, math.nan, math.inf, -math.inf]))


@pytest.mark.parametrize(("recipe", "key"), OF_RECIPE)
def test_a_number_below_is_refused_by_its_key(recipe: str, key: str) -> None:
    with pytest.raises(UsageError, match=key):
        override(RECIPES[recipe], key, "-3")


@pytest.mark.parametrize(
    ("key", "value", "hint"),
    [
        ("augmentation.flip", "2", "it takes numbers from 0 to 1"),
        ("augmentation.scale", "[0, 1]", "it takes numbers above 0 to 1"),
        ("augmentation.scale", "[0.9, 0.1]", "it takes the lower bound, then the upper one"),
        ("augmentation.ratio", "[2, 1]", "it takes the lower bound, then the upper one"),
        ("engine.checkpoint_every", "0", "it takes numbers from 1"),
        ("optimiser.lr", "Infinity", "it takes numbers from 0"),
        ("data.levels", "0", "it takes numbers from 1"),
        ("augmentation.attempts", "0", "it takes numbers from 1"),
    ],
)
def test_the_error_says_what_the_key_takes(key: str, value: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        override(RECIPES["emoji-recall_at_k"], key, value)
    assert caught.value.hint == hint


@pytest.mark.parametrize("name", RECIPES)
def test_no_recipe_is_refused(name: str) -> None:
    assert from_json(to_json(RECIPES[name])) == RECIPES[name]
