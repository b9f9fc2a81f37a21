"""What the READMEs tell people to type exists; tests/hub/test_readme.py runs README's own."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer

from cli.main import app

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
DEEPER = sorted((ROOT / "zoo").rglob("README.md"))


def lines_of(text: str) -> list[str]:
    blocks = re.findall(r"```(?:bash|console)\n(.*?)```", text, flags=re.DOTALL)
    joined = [block.replace("\\\n", " ") for block in blocks]
    return [line.removeprefix("$ ") for block in joined for line in block.splitlines()]


LINES = lines_of(README)
COMMANDS = sorted(
    {
        line
        for text in (README, *(path.read_text(encoding="utf-8") for path in DEEPER))
        for line in lines_of(text)
        if line.startswith("rankzoo ")
    }
)


def test_the_two_commands_of_the_readme_make_their_own_environment() -> None:
    starts = [line for line in LINES if line.startswith("python3 -m venv .venv && ")]
    assert [line.rsplit("/", 1)[-1] for line in starts] == ["rankzoo quickstart", "pytest"]


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_of_a_readme_and_its_flags_exist(line: str) -> None:
    command: Any = typer.main.get_command(app)
    words = shlex.split(line, comments=True)[1:]
    while getattr(command, "commands", {}):
        assert words[0] in command.commands, f"{line}: no command {words[0]}"
        command = command.commands[words.pop(0)]
    known = {name for p in command.params for name in [*p.opts, *p.secondary_opts]} | {"--help"}
    assert {w.split("=")[0] for w in words if w.startswith("--")} <= known


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\]\((?!http|#)([^)#]+)", README))))
def test_every_file_the_readme_links_to_exists(target: str) -> None:
    assert (ROOT / target).exists()


def test_python_examples_of_the_readme_run() -> None:
    for block in re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL):
        exec(compile(block, "README.md", "exec"), {})
