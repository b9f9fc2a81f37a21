"""What an error advises can be done with the command that was called."""

import ast
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from cli.commands import COMMANDS, CommandGroup
from cli.hints import _ELSEWHERE, _FLAG, fitting, flags_of
from cli.main import main

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "zoo").rglob("*.py")) + sorted((ROOT / "cli").rglob("*.py"))
HAS = {"--out": None, "--set": ["a=1"], "--on-bad-image": "skip", "--runtime": "onnxruntime"}


@pytest.mark.parametrize(
    ("hint", "said"),
    [
        ("", ""),
        ("rename it", "rename it"),
        ("choose another --out, or remove it first", "choose another --out, or remove it first"),
        ("correct it, or leave it out with --bad skip", "correct it"),
        ("add --device cpu, or use --runtime torch", "use --runtime torch"),
        ("give --model", ""),
        ("leave out --scales and --out", "leave out --scales and --out"),
        ("remove it, or leave it out with --on-bad-image skip", "remove it"),
        ("remove it, or say --set a=1", "remove it"),
        ("remove it, or say --set a=2", "remove it, or say --set a=2"),
        ("learn one: rankzoo eval --whiten-on DATA", "learn one: rankzoo eval --whiten-on DATA"),
    ],
)
def test_only_what_the_command_can_do_is_advised(hint: str, said: str) -> None:
    assert fitting(hint, HAS) == said


@pytest.fixture
def refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., str]:
    """Run a command that fails, and return its hint."""

    def refused(*arguments: object) -> str:
        monkeypatch.setattr(sys, "argv", ["rankzoo", *map(str, arguments), "--json"])
        with pytest.raises(SystemExit):
            main()
        hint: str = json.loads(capsys.readouterr().out)["hint"]
        return hint

    return refused


def test_commands_advise_what_they_have(refused: Callable[..., str], tmp_path: Path) -> None:
    photos, page = tmp_path / "photos", tmp_path / "page.html"
    for name in ("a", "b"):
        (photos / name).mkdir(parents=True)
        (photos / name / "0.jpg").write_bytes(b"no image")
    split = ("data", "split", photos, "--out", tmp_path / "m.csv")
    whole = "replace or remove the file, or leave such files out with --on-bad-image skip"
    assert refused(*split) == whole
    assert refused(*split, "--on-bad-image", "skip") == "replace or remove the file"
    assert refused("data", "check", photos) == "replace or remove the file"
    Image.new("RGB", (9, 9)).save(photos / "a" / "0.jpg")
    page.touch()
    assert refused("data", "check", photos, "--html", page) == "remove it first"


def commands() -> Iterator[Any]:
    group = CommandGroup()
    waiting = [group.get_command(None, name) for name in COMMANDS]  # type: ignore[arg-type]
    while waiting:
        command = waiting.pop()
        inner = getattr(command, "commands", {})
        waiting += inner.values()
        if not inner:
            yield command


def hints() -> Iterator[tuple[str, str]]:
    """Yield every text that is the second argument of an error, or is called a hint."""
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            values: list[ast.expr] = []
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("Error"):
                values = [*node.args[1:2], *(k.value for k in node.keywords if k.arg == "hint")]
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]).lower() == "hint":
                values = [node.value]
            for text in (one for value in values for one in ast.walk(value)):
                if isinstance(text, ast.Constant) and isinstance(text.value, str):
                    yield f"{path.relative_to(ROOT)}:{text.lineno}", text.value


def test_every_flag_that_is_advised_is_one_of_a_command() -> None:
    known = {name for command in commands() for name in flags_of(command, {})}
    named = [
        (where, flag)
        for where, hint in hints()
        if not _ELSEWHERE.search(hint)
        for flag, _ in _FLAG.findall(hint)
    ]
    assert len(named) > 60
    assert [one for one in named if one[1] not in known] == []
