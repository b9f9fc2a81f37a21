"""Cards written and checked, as files."""

from collections.abc import Sequence
from pathlib import Path

from zoo.cards.recipe_card import recipe_card
from zoo.cards.schema import problems
from zoo.cards.shelf import cards_dir, read_card
from zoo.errors import DataError, UsageError
from zoo.files import write_text
from zoo.hub.run_card import run_card
from zoo.recipes import RECIPES
from zoo.runs.reading import read_run


def check_cards(paths: Sequence[Path] | None = None) -> list[str]:
    """Return the names of the cards checked; no paths means the shelf.

    Raises:
        DataError: a card has problems; the message holds all of them.
    """
    chosen = list(paths) if paths else sorted(cards_dir().glob("*.md"))
    found = []
    for path in chosen:
        if not path.is_file():
            raise UsageError(f"{path} is not a file", "name cards, or nothing for the shelf")
        found += [f"{path.name}: {line}" for line in problems(read_card(path), RECIPES)]
    if found:
        raise DataError("; ".join(found), f"{len(found)} to repair")
    return [path.stem for path in chosen]


def write_recipe_card(name: str, out: Path) -> Path:
    """Write the card of a recipe to `out`, and return `out`.

    Raises:
        UsageError: no such recipe, or `out` exists.
    """
    return _write_new(out, recipe_card(name))


def write_run_card(
    run: Path, out: Path, *, repo: str | None = None, licence: str | None = None
) -> Path:
    """Write the card of a run to `out`, and return `out`.

    Raises:
        UsageError: `out` exists.
    """
    name = out.stem if out.name != "README.md" else run.resolve().name
    return _write_new(out, run_card(read_run(run), name, repo=repo, licence=licence))


def _write_new(out: Path, text: str) -> Path:
    if out.exists():
        raise UsageError(f"{out} already exists", "choose another --out, or remove it first")
    write_text(out, text)
    return out
