"""The record of which test runs which line is what each test did, in its threads too."""

import json
from pathlib import Path

import pytest

from tests import mutation_run
from tests.mutation_lines import reaching
from tests.mutation_run import run_tests

SOURCE = """def double(
    x=3,
):
    if x > 2:
        return 2 * x
    return x + x


LIMIT = 3
"""
TESTS = """from threading import Thread
import pytest
from zoo.sums import double

@pytest.mark.parametrize("x", [1, 4])
def test_of(x): assert double(x) == 2 * x
def test_slow(): double(9)
def test_thread():
    thread = Thread(target=double)
    thread.start()
    thread.join()
def test_nothing(): pass
"""


def recorded(
    root: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str]
) -> dict[int, set[str]]:
    """The tests that ran a line of the source, by line; the source is the first file."""
    monkeypatch.setattr(mutation_run, "HEAVY", ["pytest"])
    for name, text in {"pyproject.toml": "", "zoo/__init__.py": "", **files}.items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(text)
    assert run_tests([root / "tests"], root, None, root / "lines.json")
    source, lines = next(iter(files)), next(iter(files.values())).count("\n")
    found = {n: reaching(root / "lines.json", source, n) for n in range(1, lines + 1)}
    return {n: {t.partition("::test_")[2] for t in tests} for n, tests in found.items() if tests}


def test_a_line_is_reached_by_the_tests_that_ran_it_the_fastest_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = recorded(tmp_path, monkeypatch, {"zoo/sums.py": SOURCE, "tests/test_sums.py": TESTS})
    every = {"of[1]", "of[4]", "slow", "thread"}
    assert lines == {1: every, 4: every, 5: every - {"of[1]"}, 6: {"of[1]"}}
    record, slow = tmp_path / "lines.json", "tests/test_sums.py::test_slow"
    found = json.loads(record.read_text())
    assert all(seconds > 0 for seconds, _ in found.values())
    found[slow][0] = 1e9
    record.write_text(json.dumps(found))
    assert reaching(record, "zoo/sums.py", 4)[-1] == slow
    assert reaching(record, "zoo/other.py", 4) == []


SHARED = """class Kind:
    def __init__(self, x=3):
        self.x = x


def four():
    return 4


def never(): return 0
"""
READERS = """import inspect
import pytest

@pytest.fixture(scope="module")
def made():
    from zoo.kinds import four
    return four()

def test_first(made): assert made
def test_second(made): assert made == 4
def test_reader():
    from zoo.kinds import Kind
    assert inspect.signature(Kind).parameters["x"].default == 3
"""


def test_a_signature_is_reached_by_who_reads_it_and_a_shared_fixtures_lines_by_all_its_tests(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = recorded(tmp_path, monkeypatch, {"zoo/kinds.py": SHARED, "tests/test_it.py": READERS})
    assert lines == {2: {"reader"}, 6: {"first", "second"}, 7: {"first", "second"}}


def test_what_is_kept_in_a_cache_is_run_by_every_test_that_asks_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = "from functools import cache\n\n@cache\ndef three():\n    return 3\n"
    tests = "from zoo.kept import three\n\n" + "".join(
        f"def test_{name}(): assert three() == 3\n" for name in "ab"
    )
    lines = recorded(tmp_path, monkeypatch, {"zoo/kept.py": source, "tests/test_kept.py": tests})
    assert lines[5] == {"a", "b"}
