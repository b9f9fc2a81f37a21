"""The tests that know a file are found by its place and by what they import."""

from pathlib import Path

import pytest

from tests.mutation_tests import far, near, room_of

EXAMPLES = "test_doctests.py::test_examples_hold"
TREE = {
    "zoo/__init__.py": "",
    "zoo/files.py": "def write(): ...\n",
    "zoo/sums/__init__.py": "from zoo.sums.twice import twice as double\n",
    "zoo/sums/twice.py": "def twice(x): return 2 * x\n",
    "zoo/sums/deep/half.py": '"""Halve.\n\n>>> 4 / 2\n2.0\n"""\n',
    "zoo/shop/price.py": "from zoo.sums import double\n",
    "cli/buy.py": "from zoo.shop.price import total\n",
    "tests/sums/test_twice.py": "",
    "tests/sums/test_other.py": "",
    "tests/sums/deep/test_half.py": "",
    "tests/shop/test_money.py": "from zoo.sums import double\n",
    "tests/shop/test_price.py": "import zoo.shop.price\n",
    "tests/cli/test_buy.py": "from cli import buy\n",
    "tests/test_doctests.py": "",
    "tests/test_files.py": "",
    "tests/test_walk.py": "def test():\n    from zoo import files\n",
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name, text in TREE.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("zoo/sums/twice.py", ["sums/test_twice.py", "shop/test_money.py", "sums"]),
        (
            "zoo/sums/deep/half.py",
            ["sums/deep/test_half.py", f"{EXAMPLES}[zoo.sums.deep.half]", "sums"],
        ),
        ("zoo/shop/price.py", ["shop/test_price.py", "shop"]),
        ("zoo/files.py", ["test_files.py", "test_walk.py"]),
        ("cli/buy.py", ["cli/test_buy.py", "cli"]),
    ],
)
def test_a_file_s_own_tests_come_first_then_its_examples_then_by_import_then_its_room_s(
    tree: Path, file: str, expected: list[str]
) -> None:
    assert near(file, tree) == [tree / "tests" / name for name in expected]


def test_one_import_further_are_the_tests_of_the_files_that_use_it(tree: Path) -> None:
    assert far("zoo/sums/twice.py", tree) == [tree / "tests/shop/test_price.py"]
    assert far("zoo/shop/price.py", tree) == [tree / "tests/cli/test_buy.py"]
    assert far("cli/buy.py", tree) == []


def test_a_file_above_all_rooms_has_none() -> None:
    files = ("zoo/sums/deep/half.py", "zoo/files.py", "cli/index/build.py")
    assert [room_of(file) for file in files] == ["sums", "", "cli"]
