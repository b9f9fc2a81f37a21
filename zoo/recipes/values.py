"""Recipes from and to plain values: strict keys, strict types."""

import types
from collections.abc import Mapping
from dataclasses import asdict, fields, is_dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from zoo.errors import DataError, UsageError, suggestion
from zoo.files import Blame, plain, read_sealed
from zoo.recipes.detector import DetectionRecipe
from zoo.recipes.earlier import translated
from zoo.recipes.ranges import check_number, check_order
from zoo.recipes.recipe import Recipe
from zoo.recipes.scores import ScoreRecipe
from zoo.recipes.sorters import SorterRecipe

HINT = "is it a recipe? one that you changed yourself has no `seal`: remove that line"
AnyRecipe = Recipe | ScoreRecipe | SorterRecipe | DetectionRecipe
Chosen = TypeVar("Chosen", bound=Recipe | ScoreRecipe | SorterRecipe | DetectionRecipe)
Section = TypeVar("Section")


def to_json(recipe: AnyRecipe) -> dict[str, Any]:
    """Return the recipe as plain values."""
    return cast("dict[str, Any]", plain(asdict(recipe)))


def from_json(value: Mapping[str, Any]) -> AnyRecipe:
    """Read what `to_json` wrote, now or in an earlier version; the keys say of which kind it is.

    Raises:
        UsageError: an unknown key, with the nearest known one, or a value of the wrong type.
    """
    if not isinstance(value, Mapping):
        raise UsageError(f"recipe={value!r} is not a table of keys")
    today = translated(value)
    return _section(_kind(today), today, "")


def recipe_of(kind: type[Chosen], value: Mapping[str, Any]) -> Chosen:
    """Read a recipe that must be of one kind.

    Raises:
        UsageError: it is of another kind, or as `from_json`.
    """
    recipe = from_json(value)
    if not isinstance(recipe, kind):
        raise UsageError(f"recipe {recipe.name} is no {kind.__name__}")
    return recipe


def read_recipe(path: Path) -> AnyRecipe:
    """Read a recipe file, for example the `recipe.json` of a run.

    Raises:
        UsageError: as `from_json`, or there is no such file.
        DataError: it is not JSON.
    """
    try:
        return from_json(read_sealed(path, Blame(DataError, HINT)))
    except FileNotFoundError as error:
        raise UsageError(f"{path} does not exist", "name a recipe, or a recipe.json") from error


def _kind(value: Mapping[str, Any]) -> type[AnyRecipe]:
    """Return the schema that a recipe's plain values are in."""
    network = value.get("network")
    network = network if isinstance(network, Mapping) else {}
    if "detector" in network:
        return DetectionRecipe
    if "sorter" in network:
        return SorterRecipe
    return ScoreRecipe if "task" in value else Recipe


def _section(kind: type[Section], value: Any, key: str) -> Section:
    if not isinstance(value, Mapping):
        raise UsageError(f"{key or 'recipe'}={value!r} is not a table of keys")
    hints = get_type_hints(kind)
    prefix = f"{key}." if key else ""
    for name in value:
        refuse_unknown(name, list(hints), "key", prefix + name)
    try:
        return kind(**{n: typed(v, hints[n], prefix + n) for n, v in value.items()})
    except TypeError as error:
        raise UsageError(f"{key or 'recipe'}: {error}") from error


def typed(value: Any, hint: Any, key: str) -> Any:
    """Return `value` as the type `hint` says, or raise naming the key."""
    options = get_args(hint)
    if get_origin(hint) in (Union, types.UnionType):
        chosen = [option for option in options if option is not types.NoneType]
        return None if value is None else typed(value, chosen[0], key)
    if get_origin(hint) is Literal:
        if value not in options:
            raise UsageError(f"{key}={value!r}", f"one of {', '.join(map(str, options))}")
        return value
    if get_origin(hint) is tuple and isinstance(value, list | tuple):
        if Ellipsis not in options and len(value) != len(options):
            raise UsageError(f"{key}={value!r}", f"it takes {len(options)} values")
        found = tuple(typed(item, options[0], key) for item in value)
        check_order(key, found)
        return found
    if is_named(hint) and isinstance(value, str):
        return _section(hint, {"name": value}, key)
    if is_dataclass(hint):
        kind = cast(type, hint)
        return value if isinstance(value, kind) else _section(kind, value, key)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    expected = get_origin(hint) or hint
    if not isinstance(value, expected) or (isinstance(value, bool) and expected is not bool):
        raise UsageError(f"{key}={value!r}", f"it takes {expected.__name__.lower()}")
    if hint in (int, float):
        check_number(key, value)
    return value


def is_named(kind: Any) -> bool:
    """Whether a section is a name with options: a loss."""
    return is_dataclass(kind) and {"name", "options"} <= set(names_of(cast(type, kind)))


def names_of(kind: type) -> list[str]:
    """Return the keys of a section."""
    return [entry.name for entry in fields(kind)]


def refuse_unknown(name: str, known: list[str], what: str, key: str = "") -> None:
    """Raise `UsageError` unless a name is known; it says the nearest that is, or all."""
    if name not in known:
        raise UsageError(f"{key or name}: unknown {what}", suggestion(name, known))
