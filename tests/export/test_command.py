"""What `rankzoo export` tells a person."""

import sys
from pathlib import Path

import pytest

from cli.main import main
from tests.tiny_model import model as model


def told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: object
) -> dict[str, str]:
    """Run the command and return its lines, by their first word."""
    monkeypatch.setattr(sys, "argv", ["rankzoo", "export", *map(str, words)])
    with pytest.raises(SystemExit) as end:
        main()
    assert not end.value.code
    return {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}


def test_recall_is_told_where_it_was_measured_and_not_elsewhere(
    model: Path,
    photos: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = (model, "--format", "safetensors", "--out")
    plain = told(monkeypatch, capsys, *words, tmp_path / "plain")
    assert list(plain) == ["file", "format", "precision", "size", "sha256", "largest_difference"]
    measured = told(monkeypatch, capsys, *words, tmp_path / "measured", "--data", photos)
    assert list(measured) == [*plain, "recall_at_1"]
    assert "exported" in measured["recall_at_1"]
