"""The funnel: whatever goes wrong is one line, with a code, and can be traced."""

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from cli import main as funnel

ROOT = Path(__file__).parents[2]


def _run(
    monkeypatch: pytest.MonkeyPatch, error: BaseException | None, *arguments: str
) -> int | str | None:
    def fails(**_: object) -> int:
        if error is not None:
            raise error
        return 0

    monkeypatch.setattr(funnel, "app", fails)
    monkeypatch.setattr(sys, "argv", ["rankzoo", *arguments])
    with pytest.raises(SystemExit) as caught:
        funnel.main()
    return caught.value.code


def _deep() -> None:
    _deep()


def _raised(call: Callable[[], object]) -> BaseException:
    with pytest.raises(Exception) as caught:  # noqa: PT011
        call()
    return caught.value


UNKNOWN = {
    "a key": lambda: dict[str, int]()["key"],
    "an index": lambda: [][1],
    "an attribute": lambda: None.missing,  # type: ignore[attr-defined]
    "a number": lambda: 1 / 0,
    "torch": lambda: torch.zeros(2) @ torch.zeros(3),
    "a recursion": _deep,
    "an assertion": lambda: _assert(),
    "several lines": lambda: _say("one\ntwo\x1b[2J"),
}


def _assert() -> None:
    raise AssertionError


def _say(text: str) -> None:
    raise ValueError(text)


@pytest.mark.parametrize("what", UNKNOWN)
def test_an_unknown_error_is_one_line_and_a_traceback_in_a_file(
    what: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    error = _raised(UNKNOWN[what])
    assert _run(monkeypatch, error, "train", "x y") == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "this is a bug, RANKZOO_DEBUG=1 shows where" in said
    assert "\x1b" not in said
    named = re.search(r"\S+\.log", said)
    assert named is not None
    text = Path(named[0]).read_text(encoding="utf-8")
    assert "Traceback" in text
    assert type(error).__name__ in text
    assert "rankzoo train 'x y'" in text


def test_an_unknown_error_is_one_object_of_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert _run(monkeypatch, KeyError("a"), "list", "--json") == 1
    value = json.loads(capsys.readouterr().out)
    assert value["error"] == "KeyError: 'a'"
    assert value["code"] == 1


def test_debugging_shows_the_traceback_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANKZOO_DEBUG", "1")
    monkeypatch.setattr(funnel, "app", lambda **_: dict[str, int]()["key"])
    monkeypatch.setattr(funnel, "_kept", lambda _: "")
    with pytest.raises(KeyError):
        funnel.main()


@pytest.mark.parametrize(
    "error", [MemoryError(), torch.OutOfMemoryError("CUDA out of memory. Tried…")]
)
def test_a_full_memory_is_no_bug(
    error: BaseException, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(monkeypatch, error) == 1
    assert capsys.readouterr().err.startswith("rankzoo: the memory is full")


def test_no_place_for_the_traceback_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    assert _run(monkeypatch, KeyError("a")) == 1
    assert "no file could be written" in capsys.readouterr().err


def test_an_interrupt_says_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(monkeypatch, KeyboardInterrupt()) == 130
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    "words", [("list",), ("list", "--json"), ("show", "emoji-sup_hap"), ("show", "none", "--json")]
)
def test_a_reader_that_has_left_ends_the_command_without_a_word(words: tuple[str, ...]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        ended = subprocess.run(
            [sys.executable, "-m", "cli", *words],
            cwd=ROOT,
            stdout=writing,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    finally:
        os.close(writing)
    assert (ended.returncode, ended.stderr) == (141, "")
