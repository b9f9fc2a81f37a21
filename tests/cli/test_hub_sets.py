"""Every option of every command takes a set of the Hub, and says so in its help, or refuses it."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.commands import CommandGroup
from cli.flags import SET, Command
from cli.main import main
from zoo.errors import UsageError

WORD = "hf:me/absent"
MODEL = ["--model", "emoji-sup_hap"]
# command and option -> what is typed before the set; what is not here does not take one.
TAKING = {
    ("train", "--data"): ["train", *MODEL, "--data"],
    ("eval", "--data"): ["eval", "emoji-sup_hap", "--data"],
    ("eval", "--whiten-on"): ["eval", "emoji-sup_hap", "--data", ".", "--whiten-on"],
    ("compare", "--data"): ["compare", "--data"],
    ("export", "--data"): ["export", "emoji-sup_hap", "--out", "out", "--data"],
    ("embed", "--images"): ["embed", *MODEL, "--out", "out", "--images"],
    ("index build", "--images"): ["index", "build", *MODEL, "--out", "out", "--images"],
    ("data check", "path"): ["data", "check"],
    ("data split", "path"): ["data", "split"],
}


def commands(group: Any, words: str = "") -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, f"{words} {name}")
        else:
            yield f"{words} {name}".strip(), command


def said(words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: Any) -> tuple[Any, str]:
    monkeypatch.setattr(sys, "argv", ["rankzoo", *words])
    with pytest.raises(SystemExit) as ending:
        main()
    return ending.value.code, capsys.readouterr().err


PATHS = [
    (words, parameter)
    for words, command in commands(CommandGroup(name="rankzoo"))
    for parameter in command.params
    if "Path" in str(getattr(parameter.type_descriptor, "annotation", ""))
]


def name_of(parameter: Any) -> str:
    return str(parameter.opts[0])


@pytest.mark.parametrize("words", dict(commands(CommandGroup(name="rankzoo"))))
def test_every_command_looks_at_its_arguments(words: str) -> None:
    assert isinstance(dict(commands(CommandGroup(name="rankzoo")))[words], Command)


def test_an_option_takes_a_set_exactly_where_its_help_says_so() -> None:
    """`index add` is the one that needs an index first; it is tried in the room of the Hub."""
    stated = {(words, name_of(p)) for words, p in PATHS if SET in (p.help or "")}
    assert stated == {*TAKING, ("index add", "--images")}
    assert len(PATHS) > 30


@pytest.mark.parametrize("typed", TAKING.values(), ids=lambda typed: " ".join(typed))
def test_a_set_is_looked_for_in_the_cache_when_there_is_no_network(
    typed: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setenv("RANKZOO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.chdir(tmp_path)
    code, error = said([*typed, WORD], monkeypatch, capsys)
    assert code == 4
    assert f"{WORD}: not in the cache" in error
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("words", "parameter"),
    [(w, p) for w, p in PATHS if SET not in (p.help or "")],
    ids=lambda value: value if isinstance(value, str) else name_of(value),
)
def test_another_path_refuses_a_set_and_names_what_brings_it(words: str, parameter: Any) -> None:
    from cli.flags import refuse_sets

    several = parameter.multiple or parameter.nargs == -1
    with pytest.raises(UsageError, match="takes no set of the Hub") as caught:
        refuse_sets(parameter, [Path("a"), Path(WORD)] if several else Path(WORD))
    assert f"rankzoo data check {WORD}" in (caught.value.hint or "")


@pytest.mark.parametrize("words", [["detect", "m", WORD], ["index", "info", WORD]])
def test_the_refusal_comes_before_anything_else(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    code, error = said(words, monkeypatch, capsys)
    assert code == 2
    assert "takes no set of the Hub" in error


def test_what_trains_on_boxes_refuses_a_set(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    words = ["train", "--detector", "retinanet", "--loss", "ap", "--data", WORD]
    code, error = said(words, monkeypatch, capsys)
    assert code == 2
    assert "boxes are not read from the Hub" in error
