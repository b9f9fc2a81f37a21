"""What is published and has no recipe is told with its reason; every row names its source."""

from pathlib import Path

from tests.recipes.published import TABLE, row_of
from zoo.recipes import RECIPES

README = Path(__file__).parents[2] / "zoo/recipes/README.md"
KINDS = ("row", "detector", "score", "sorter")


def test_every_row_names_its_source_and_a_recipe_there_is() -> None:
    rows = {name: row_of(name) for kind in KINDS for name in TABLE[kind]}
    assert all(row["source"] for row in rows.values())
    assert {row["recipe"] for row in rows.values()} <= RECIPES.keys()


def test_what_has_no_recipe_stands_in_the_guide_with_its_reason() -> None:
    text = README.read_text(encoding="utf-8")
    told = {line for line in text.splitlines() if line.startswith(("| AL", "| RS", "| SR"))}
    assert told == {f"| {name} | {reason} |" for name, reason in TABLE["missing"].items()}
