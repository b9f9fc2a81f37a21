"""A small share of the fuzz; `python -m tests.fuzz --count 10000` is the whole."""

import random
import signal
import time
from pathlib import Path

import pytest

from tests import fuzz
from tests.fuzz_changes import changed_bytes, changed_meaning
from tests.fuzz_parser import Parser
from zoo.errors import DataError

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGALRM"), reason="needs an alarm clock")


@pytest.mark.slow
def test_whatever_a_parser_is_fed_it_is_read_or_refused() -> None:
    found = fuzz.campaign(count=160, seed=3)
    results = {result for counted in found.values() for result in counted}
    assert len(found) > 30
    assert results == {"read", "refused"}


def refuse(folder: Path) -> None:
    raise DataError("no")


def break_off(folder: Path) -> None:
    raise KeyError("x")


def wait(folder: Path) -> None:
    time.sleep(9)


@pytest.mark.parametrize(
    ("read", "result"),
    [(str, "read"), (refuse, "refused"), (break_off, "TRACEBACK"), (wait, "HANG")],
)
def test_what_a_parser_does_is_told_apart(
    read: object, result: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fuzz, "LIMIT", 1 if result == "HANG" else 60)
    parser = Parser("", (), str, read)  # type: ignore[arg-type]
    assert fuzz.outcome(parser, tmp_path)[0] == result


@pytest.mark.parametrize("change", [changed_bytes, changed_meaning])
@pytest.mark.parametrize(
    ("suffix", "content"),
    [(".json", b'{"a": [1, "x"], "seal": "0"}'), (".jsonl", b'{"a": 1}'), (".csv", b"a,b\n1,2")],
)
def test_nearly_every_change_changes_something(change: object, suffix: str, content: bytes) -> None:
    draw = random.Random(0)
    made = {change(content, suffix, draw) for _ in range(100)}  # type: ignore[operator]
    assert len(made) > 40
