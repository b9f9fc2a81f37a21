"""The mutation check sees what the tests see, draws alike, and judges by the room."""

from pathlib import Path
from typing import Any

import pytest

from tests import mutation, mutation_run
from tests.mutation import Trial, drawn, main, sources
from tests.mutation_changes import Mutation, mutations
from tests.mutation_harmless import HARMLESS
from tests.test_mutation_since import committed


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clone in small: a room with a test that does not see one of three changes."""
    root = tmp_path / "tree"
    for name, text in {
        "zoo/__init__.py": "",
        "zoo/room/sums.py": "def twice(x):\n    unused = 3\n    return x * 2\n",
        "tests/room/test_sums.py": "from zoo.room.sums import twice\n"
        "def test_twice():\n    assert twice(3) == 6\n",
        "pyproject.toml": "",
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    committed(root)
    monkeypatch.setattr(mutation, "ROOT", root)
    monkeypatch.setattr(mutation_run, "HEAVY", ["pytest"])
    monkeypatch.setattr(mutation, "COPIED", ("zoo", "tests", "pyproject.toml"))
    return root


def test_a_change_that_a_test_sees_is_noticed_and_one_that_none_sees_survives(
    tree: Path, tmp_path: Path
) -> None:
    trial = Trial(tmp_path / "copy")
    assert trial.begin(["zoo/room/sums.py"])
    changes = mutations("zoo/room/sums.py", (tree / "zoo/room/sums.py").read_text())
    seen = {change.after: trial.notices(change) for change in changes if change.after != "3"}
    assert seen == {"4": False, "(x / 2)": True, "return None": True}
    assert trial.passes("zoo/room/sums.py")


@pytest.fixture
def at_once(tree: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same clone, whose one test is run here and in no other process."""

    def run(tests: object, root: Path, *_: object) -> bool:
        names: dict[str, Any] = {}
        exec((root / "zoo/room/sums.py").read_text(), names)
        return bool(names["twice"](3) == 6)

    monkeypatch.setattr(mutation, "run_tests", run)
    return tree


def test_what_differs_from_a_revision_is_tried_and_too_many_survivors_are_an_error(
    at_once: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--since", "HEAD"]) == 0
    assert capsys.readouterr().out == "nothing to change\n"
    (at_once / "zoo/room/sums.py").write_text("A = 1\nB = 2\ndef twice(x):\n    return x * 2\n")
    assert main(["--since", "HEAD", "--match", "x"]) == 0
    assert capsys.readouterr().out == "room         noticed 3 of 3, 2 may survive\n"
    assert main(["--since", "HEAD", "--match", "= 1", "--match", "= 2"]) == 1
    *survivors, row = capsys.readouterr().out.splitlines()
    assert set(survivors) == {
        f"survived, line {n}: zoo/room/sums.py: `{name} = {n}`: {n} -> {n + 1}"
        for n, name in ((2, "B"), (1, "A"))
    }
    assert row == "room         noticed 0 of 2, 1 may survive"


def test_when_the_time_is_over_what_was_not_tried_is_said(
    at_once: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["zoo", "--minutes", "0"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "not tried, the time was over: 3"


def test_tests_that_fail_as_they_are_measure_nothing(
    at_once: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (at_once / "zoo/room/sums.py").write_text("def twice(x):\n    return x\n")
    with pytest.raises(SystemExit, match="2"):
        main(["zoo/room"])
    assert "the tests of room fail without any change" in capsys.readouterr().err


@pytest.mark.parametrize("words", [[], ["zoo", "--since", "HEAD"], ["--since", "nowhere"]])
def test_no_files_or_a_revision_that_is_none_is_an_error(tree: Path, words: list[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(words)


def test_a_draw_keeps_its_changes_when_a_line_is_added(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mutation, "ROOT", tmp_path)
    (tmp_path / "zoo").mkdir()
    lines = "".join(f"a{n} = x{n} + {n}\n" for n in range(40))
    (tmp_path / "zoo/a.py").write_text(lines)
    before = [m.name for m in drawn(["zoo"], 20, seed=1)]
    assert len(set(before)) == 20
    (tmp_path / "zoo/a.py").write_text("new = 3\n" + lines)
    after = [m.name for m in drawn(["zoo"], 20, seed=1)]
    assert len(set(before) & set(after)) >= 19
    assert len(set(before) & {m.name for m in drawn(["zoo"], 20, seed=2)}) < 19
    assert len(drawn(["zoo"], None, seed=1)) == 81


@pytest.mark.parametrize("name", HARMLESS)
def test_a_harmless_change_is_still_a_change_of_the_source(name: str) -> None:
    file = name.split(": ")[0]
    every: list[Mutation] = mutations(file, (mutation.ROOT / file).read_text())
    assert name in {change.name for change in every}, "the line is gone: remove it from the list"


def test_files_and_folders_are_named_by_their_path() -> None:
    assert "zoo/losses/checks.py" in sources(["zoo/losses"])
    assert sources(["zoo/losses/checks.py", "README.md"]) == ["zoo/losses/checks.py"]
