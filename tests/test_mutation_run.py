"""Tests of another tree are run as if alone, and an endless one is ended."""

from pathlib import Path

import pytest

from tests import mutation_run
from tests.mutation_run import run_tests


@pytest.mark.parametrize(
    ("text", "seconds", "passes"),
    [
        ("from zoo import here\ndef test():\n    assert here == 3\n", None, True),
        ("def test():\n    assert 0\n", None, False),
        ("def test():\n    while True: pass\n", 3, False),
        ("NOTHING = 0\n", None, True),
    ],
)
def test_only_what_fails_or_never_ends_does_not_pass(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, seconds: int | None, passes: bool
) -> None:
    monkeypatch.setattr(mutation_run, "HEAVY", ["pytest"])
    (tmp_path / "pyproject.toml").write_text("")
    (tmp_path / "zoo").mkdir()
    (tmp_path / "zoo/__init__.py").write_text("here = 3\n")
    (tmp_path / "test_it.py").write_text(text)
    assert run_tests([tmp_path / "test_it.py"], tmp_path, seconds) is passes
