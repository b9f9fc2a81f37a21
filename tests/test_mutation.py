"""The mutation check changes what it says and nothing else."""

from pathlib import Path

import pytest

from tests import mutation, mutation_run
from tests.mutation import Mutation, Trial, drawn, mutations, sources
from tests.mutation_harmless import HARMLESS

SOURCE = '''
"""Text: 1 + 1."""
LIMIT: int = 3
@cache(maxsize=4)
def share(x: "int | None", flag: bool = True) -> float:
    é = print("é", x)
    print(x)
    assert zip(x, x, strict=True)
    zip(x, x.sort(stable=True), strict=True)
    if x is None or not flag:
        raise ValueError(f"{x + 1}")
    return -x / (LIMIT - 1.5 if x < 2 else 7)
'''


def test_every_kind_of_change_is_made_once_and_texts_stay() -> None:
    found = [(m.line, m.before, m.after) for m in mutations("zoo/room/a.py", SOURCE)]
    assert set(found) == {
        (3, "3", "4"),
        (5, "True", "False"),
        (7, "print(x)", "pass"),
        (9, "zip(x, x.sort(stable=True), strict=True)", "pass"),
        (10, "x is None", "(x is not None)"),
        (9, "zip(x, x.sort(stable=True), strict=True)", "pass"),
        (10, "x is None or not flag", "(x is None and (not flag))"),
        (10, "not flag", "(flag)"),
        (12, "return -x / (LIMIT - 1.5 if x < 2 else 7)", "return None"),
        (12, "-x / (LIMIT - 1.5 if x < 2 else 7)", "(-x * (LIMIT - 1.5 if x < 2 else 7))"),
        (12, "-x", "(x)"),
        (12, "LIMIT - 1.5 if x < 2 else 7", "(7 if x < 2 else LIMIT - 1.5)"),
        (12, "LIMIT - 1.5", "(LIMIT + 1.5)"),
        (12, "1.5", "3.0"),
        (12, "x < 2", "(x <= 2)"),
        (12, "2", "3"),
        (12, "7", "8"),
    }
    assert len(found) == 16


def test_a_change_is_made_where_it_stands() -> None:
    for change in mutations("zoo/room/a.py", SOURCE):
        changed = change.applied(SOURCE.encode()).decode()
        compile(changed.replace("@cache(maxsize=4)\n", ""), "a.py", "exec")
        assert changed.count("\n") == SOURCE.count("\n")
        assert (
            sum(a != b for a, b in zip(changed.split("\n"), SOURCE.split("\n"), strict=True)) == 1
        )


def test_a_change_that_a_test_sees_is_noticed_and_one_that_none_sees_survives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
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
    monkeypatch.setattr(mutation, "ROOT", root)
    monkeypatch.setattr(mutation_run, "HEAVY", ["pytest"])
    monkeypatch.setattr(mutation, "COPIED", ("zoo", "tests", "pyproject.toml"))
    trial = Trial(tmp_path / "copy")
    assert trial.begin(["zoo/room/sums.py"])
    changes = mutations("zoo/room/sums.py", (root / "zoo/room/sums.py").read_text())
    seen = {change.after: trial.notices(change) for change in changes if change.after != "3"}
    assert seen == {"4": False, "(x / 2)": True, "return None": True}
    assert trial.passes("zoo/room/sums.py")


def test_changes_of_a_line_that_read_alike_have_names_of_their_own() -> None:
    found = mutations("zoo/a.py", "range(1, x + 1)\nrange(1, x + 1)\n")
    ones = [m.name[len("zoo/a.py: `range(1, x + 1)`: ") :] for m in found if m.before == "1"]
    assert ones == ["1 -> 2", "1 -> 2 (2)"] * 2


def test_a_draw_keeps_its_changes_when_a_line_is_added(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mutation, "ROOT", tmp_path)
    (tmp_path / "zoo").mkdir()
    lines = "".join(f"a{n} = x{n} + {n}\n" for n in range(40))
    (tmp_path / "zoo/a.py").write_text(lines)
    before = [m.name for m in drawn("zoo", 20, seed=1)]
    assert len(set(before)) == 20
    (tmp_path / "zoo/a.py").write_text("new = 3\n" + lines)
    after = [m.name for m in drawn("zoo", 20, seed=1)]
    assert len(set(before) & set(after)) >= 19
    assert len(set(before) & {m.name for m in drawn("zoo", 20, seed=2)}) < 19
    assert len(drawn("zoo", None, seed=1)) == 81


@pytest.mark.parametrize("name", HARMLESS)
def test_a_harmless_change_is_still_a_change_of_the_source(name: str) -> None:
    file = name.split(": ")[0]
    every: list[Mutation] = mutations(file, (mutation.ROOT / file).read_text())
    assert name in {change.name for change in every}, "the line is gone: remove it from the list"


def test_files_and_folders_are_named_by_their_path() -> None:
    assert "zoo/losses/checks.py" in sources(["zoo/losses"])
    assert sources(["zoo/losses/checks.py", "README.md"]) == ["zoo/losses/checks.py"]
