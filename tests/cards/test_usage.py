"""What `rankzoo show` opens with: three commands that exist, with options that exist."""

import shlex

import pytest
import typer

from cli.main import app
from zoo.cards.shelf import Card, all_cards
from zoo.cards.usage import usage

CARDS = list(all_cards().values())
GROUP = typer.main.get_command(app)


def command_of(words: list[str]) -> tuple[list[str], set[str]]:
    """Follow `words` through the groups; return the rest, and the options of the command."""
    command = GROUP
    while children := getattr(command, "commands", {}):
        assert words[0] in children
        command = children[words.pop(0)]
    return words, {option for p in command.params for option in p.opts}


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.name)
def test_every_card_opens_with_three_commands_that_exist(card: Card) -> None:
    lines = usage(card)
    assert len(lines) == 3
    assert any(card.name in line for line in lines)
    for words in map(shlex.split, lines):
        if words.pop(0) == "rankzoo":
            rest, options = command_of(words)
            assert {word for word in rest if word.startswith("--")} <= options


def test_a_recipe_is_trained_first_and_used_from_its_run() -> None:
    train, evaluate, index = usage(all_cards()["sop-resnet50-supap"])
    assert train == ("rankzoo train sop-resnet50-supap --data sop/ --out runs/sop-resnet50-supap")
    assert "eval runs/sop-resnet50-supap" in evaluate
    assert "--model runs/sop-resnet50-supap" in index
