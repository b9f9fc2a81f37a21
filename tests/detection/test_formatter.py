import importlib
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from zoo.detection import formatter
from zoo.errors import UnavailableError

pytest.importorskip("yapf")
IMPORT = "from zoo.detection.formatter import import_formatter; import_formatter(); import yapf"


def import_with(cache: Path) -> subprocess.CompletedProcess[str]:
    """Import yapf in a process of its own, whose user keeps caches in `cache`."""
    return subprocess.run(
        [sys.executable, "-c", IMPORT],
        env={**os.environ, "XDG_CACHE_HOME": str(cache)},
        capture_output=True,
        text=True,
    )


@pytest.mark.skipif(sys.platform != "linux", reason="the cache's folder is Linux's")
@pytest.mark.parametrize("part", [0, 0.5], ids=["empty", "half"])
def test_a_grammar_that_another_process_has_not_written_whole_is_made_anew(
    tmp_path: Path, part: float
) -> None:
    import_with(tmp_path)
    kept = sorted(tmp_path.rglob("*.pickle"))
    assert kept
    whole = {path: path.read_bytes() for path in kept}
    for path, content in whole.items():
        path.write_bytes(content[: int(part * len(content))])
    answer = import_with(tmp_path)
    assert answer.returncode == 0, answer.stderr
    assert all(path.stat().st_size == len(content) for path, content in whole.items())


def test_a_cache_that_stays_unreadable_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tries = []

    def broken(name: str) -> ModuleType:
        tries.append(name)
        raise EOFError("Ran out of input")

    def held(path: Path, **_: object) -> None:
        raise PermissionError(path)

    (tmp_path / "Grammar.pickle").touch()
    monkeypatch.setattr(Path, "unlink", held)  # a home that cannot be written
    monkeypatch.setattr(importlib, "import_module", broken)
    monkeypatch.setattr(formatter, "_cache", lambda: tmp_path)
    with pytest.raises(UnavailableError, match="cannot read its own cache") as caught:
        formatter.import_formatter()
    assert str(tmp_path) in caught.value.hint
    assert len(tries) == formatter.TRIES


def test_a_file_deleted_by_another_process_in_between_is_tried_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    answers = iter([FileNotFoundError("gone"), None])

    def import_module(name: str) -> None:
        if (error := next(answers)) is not None:
            raise error

    monkeypatch.setattr(importlib, "import_module", import_module)
    monkeypatch.setattr(formatter, "_cache", lambda: tmp_path)
    formatter.import_formatter()
    assert next(answers, "none left") == "none left"
