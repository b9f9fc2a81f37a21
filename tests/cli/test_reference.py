"""The command reference says what the code says."""

import shlex
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
    command: Any = typer.main.get_command(app)
    words = shlex.split(line)
    while hasattr(command, "commands"):
        command = command.commands[words.pop(0)]
    command.make_context("rankzoo", words)  # parses, and runs nothing
