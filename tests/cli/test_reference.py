"""The command reference says what the code says."""

import re
import shlex
from collections.abc import Iterator
from typing import Any

import pytest
import typer

from cli.main import app
from cli.reference import EXAMPLES, PAGE, reference


def test_the_reference_is_level_with_the_code() -> None:
    assert PAGE.read_text(encoding="utf-8") == reference(), "run `python -m cli.reference`"


def test_every_flag_of_every_command_says_what_it_does() -> None:
    empty = [line for line in reference().splitlines() if line.startswith("|") and "|  |" in line]
    assert not empty


@pytest.mark.parametrize("line", EXAMPLES)
def test_every_example_is_a_command_as_it_is_typed(line: str) -> None:
    parse(line)


def test_every_command_of_every_page_is_one() -> None:
    root = PAGE.parents[1]
    pages = ("README.md", ".github/docs/*.md", "zoo/*/README.md", "model_cards/*.md")
    lines = [
        line
        for pattern in pages
        for page in root.glob(pattern)
        for line in commands_of(page.read_text(encoding="utf-8"))
    ]
    assert len(lines) > 100
    for line in lines:
        parse(line)


def commands_of(page: str) -> Iterator[str]:
    """Yield what follows `rankzoo` in the blocks of a page."""
    for block in re.findall(
        r"```(?:bash|console)?\n(.*?)```", page.replace("\\\n", " "), re.DOTALL
    ):
        for line in block.splitlines():
            if line.removeprefix("$ ").startswith("rankzoo "):
                yield line.removeprefix("$ ").removeprefix("rankzoo ").partition(" #")[0]


def parse(line: str) -> None:
    """Parse a command, and run nothing."""
    command: Any = typer.main.get_command(app)
    words = shlex.split(line)
    while hasattr(command, "commands"):
        command = command.commands[words.pop(0)]
    command.make_context("rankzoo", words)
