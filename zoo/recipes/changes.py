"""Changing recipes, one value at a time, and the losses that a recipe may name.

The losses are imported when one is looked up: they import torch, which recipes do without.
"""

import inspect
from dataclasses import is_dataclass, replace
from typing import Any, TypeVar, cast, get_type_hints

from zoo.errors import IntegrityError, UsageError
from zoo.files import parse_json
from zoo.recipes.earlier import key_of_today
from zoo.recipes.recipe import LossTerm, Recipe
from zoo.recipes.values import Chosen, is_named, names_of, refuse_unknown, typed

Section = TypeVar("Section")


def override(recipe: Chosen, key: str, value: str) -> Chosen:
    """Return the recipe with one value changed: `override(recipe, "loss.tau", "0.02")`.

    The value is read as JSON, or else as a bare word; of a loss, the word is its name. A key below
    `loss` or `extra_loss` that is not a field of `LossTerm` is an option of the loss. Flat keys of
    earlier versions (`epochs`) stand for those of today (`schedule.epochs`).

    Raises:
        UsageError: an unknown key, with the nearest known one, or a value of the wrong type.
    """
    if key not in names_of(type(recipe)):
        key = key_of_today(type(recipe).__name__, key)
    changed = override_section(recipe, key, value)
    if isinstance(changed, Recipe):
        check_losses(changed)
    return changed


def override_section(section: Section, key: str, value: str) -> Section:
    """Return any frozen settings with one value changed, as `override` does for a recipe."""
    try:
        read = parse_json(value, key)
    except IntegrityError:  # a bare word
        read = value
    return cast(Section, _changed(section, key.split("."), read, key))


def check_losses(recipe: Recipe) -> None:
    """Raise `UsageError` unless every loss exists and takes the options it is given."""
    from zoo.losses import LOSSES
    from zoo.losses.pairs import PAIR_LOSSES

    known = LOSSES if recipe.captions is None else PAIR_LOSSES
    for term in (recipe.loss, recipe.extra_loss):
        if term is None:
            continue
        refuse_unknown(term.name, sorted(known), "loss")
        for option in term.options:
            refuse_unknown(option, loss_options(term.name), f"option of {term.name}")


def loss_options(name: str) -> list[str]:
    """Return the options that a loss's constructor takes.

    Raises:
        UsageError: no such loss.
    """
    from zoo.losses import LOSSES
    from zoo.losses.pairs import PAIR_LOSSES

    known = {**LOSSES, **PAIR_LOSSES}
    refuse_unknown(name, sorted(known), "loss")
    return list(inspect.signature(known[name]).parameters)


def _changed(section: Any, path: list[str], value: Any, key: str) -> Any:
    name, *rest = path
    if is_named(type(section)) and not rest and name not in names_of(type(section)):
        if isinstance(section, LossTerm):
            refuse_unknown(name, [*names_of(LossTerm), *loss_options(section.name)], "key", key)
        return replace(section, options={**section.options, name: value})
    if not is_dataclass(section):
        above = key.rsplit(".", len(path))[0]
        hint = f"set {above} itself first" if section is None else ""
        raise UsageError(f"{key}: nothing is below {above}", hint)
    refuse_unknown(name, names_of(type(section)), "key", key)
    if rest:
        inner = _changed(getattr(section, name), rest, value, key)
    else:
        inner = typed(value, get_type_hints(type(section))[name], key)
    return replace(cast(Any, section), **{name: inner})
