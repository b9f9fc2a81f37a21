"""The card that a recipe gets before it is trained is read back and follows the rules."""

from pathlib import Path

import pytest

from tests.cards.test_shelf import CARDED
from zoo.cards.recipe_card import backbone_of, dataset_of, published_results, recipe_card
from zoo.cards.schema import problems
from zoo.cards.shelf import read_card
from zoo.recipes import RECIPES

ONE_OF_EACH_KIND = {type(recipe): name for name, recipe in CARDED.items()}.values()


@pytest.mark.parametrize("name", ONE_OF_EACH_KIND)
def test_a_written_card_is_read_back_with_what_the_recipe_says(name: str, tmp_path: Path) -> None:
    recipe = CARDED[name]
    (tmp_path / f"{name}.md").write_text(recipe_card(name), encoding="utf-8")
    card = read_card(tmp_path / f"{name}.md")
    assert problems(card, RECIPES) == []
    assert card.block["recipe"] == name
    assert list(card.results) == published_results(recipe)
    assert card.body.startswith(f"# {name}\n\n")
    assert f"\n\n```bash\nrankzoo train {name} --data " in card.body
    assert f"`{backbone_of(recipe)}`" in card.body
    assert dataset_of(recipe) in recipe_card(name).split("---")[1]
    for field, reason in recipe.deviates.items():
        assert f"\n* {field}: {reason}." in card.body
