"""The guide is true: what its table says to write and to edit is enough, and nothing else is.

The rows are followed in one copy of the repository, where no two of them touch the same line; the
tests that each row promises then hold its new thing to what all of its kind promise.
"""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
GUIDE = (ROOT / ".github" / "CONTRIBUTING.md").read_text(encoding="utf-8")
PARTS = ("zoo", "cli", "model_cards", "tests", ".github")

LOSS = '''"""Fine AP: FastAP with many bins."""

from jaxtyping import Float
from torch import Tensor

from zoo.losses.fast_ap import binned_ap
from zoo.losses.rank_loss import RankLoss
from zoo.ranking.positives import Items


class FineAP(RankLoss):
    """Mean of 1 - average precision over `bins` bins."""

    def __init__(
        self, bins: int = 40, *, query: str = "exclude", query_chunk: int | None = None
    ) -> None:
        super().__init__(query=query, query_chunk=query_chunk)
        self.bins = bins

    def values(
        self, scores: Float[Tensor, "query gallery"], items: Items
    ) -> Float[Tensor, " query"]:
        """Return 1 - binned AP of each query."""
        return binned_ap(scores, items, self.bins)
'''
DATASET = '''"""Toys: `toys.txt` with an image and its toy a line."""

from pathlib import Path

from zoo.data.item import Item
from zoo.data.reader import Layout, Reading, read_table

SOURCE = "it comes with the toys"


def read_toys(root: Path) -> Reading:
    """Return the items; the one level is the toy."""
    table = read_table(root / "toys.txt", ("path", "toy"), SOURCE)
    return [Item(root / path, (toy,), "train") for _, (path, toy) in table], ("toy",)


TOYS = Layout(read_toys, ("toys.txt",), SOURCE)
'''
RECIPE = '''"""Toys, found again.

rankzoo train toys-resnet50-recall_at_k --data toys/ --out runs/toys

recipe                     hardware   published R@1
toys-resnet50-recall_at_k  -          -
"""

from dataclasses import replace

from zoo.recipes import sop

RECIPES = (
    replace(
        sop.RECIPES[0],
        name="toys-resnet50-recall_at_k",
        about="the set-up of SOP on toys",
        published=None,
        deviates={"source": "no source states a set-up for toys"},
    ),
)
'''
METRIC = '''"""Success at two: whether a relevant item is among the first two."""

from jaxtyping import Bool, Float
from torch import Tensor

from zoo.metrics.retrieval import recall_at_k


def success_at_two(
    scores: Float[Tensor, "query gallery"], relevant: Bool[Tensor, "query gallery"]
) -> float:
    """Return the share of queries with a relevant item among the first two."""
    return float(recall_at_k(scores, relevant, 2))
'''
COMMAND = '''"""`rankzoo hello`: a greeting."""

from typing import Annotated

import typer

from cli.options import Json
from cli.output import Output

Name = Annotated[str, typer.Argument(help="Who is greeted.")]


def hello(name: Name, as_json: Json = False) -> None:
    """Greet somebody."""
    Output(as_json).result({"hello": name}, lambda: f"Hello {name}")
'''


@dataclass(frozen=True)
class Row:
    """What the guide tells to write, the lines it tells to add, and what then has to pass.

    lines: (file, a line of it, the new line after that one).
    tests: files and folders, of which those tests run that `named` selects; commands run before.
    """

    file: str
    text: str
    lines: tuple[tuple[str, str, str], ...]
    tests: tuple[str, ...]
    named: str
    commands: tuple[tuple[str, ...], ...] = ()


PYTEST = ("-m", "pytest", "-n", "0", "-vv", "-p", "no:cacheprovider")
ROWS = {
    "a retrieval loss": Row(
        "zoo/losses/fine_ap.py",
        LOSS,
        (
            (
                "zoo/losses/__init__.py",
                "from zoo.losses.cluster_proxy import ClusterProxy",
                "from zoo.losses.fine_ap import FineAP",
            ),
            (
                "zoo/losses/__init__.py",
                '    "cluster_proxy": ClusterProxy,',
                '    "fine_ap": FineAP,',
            ),
            (
                "tests/losses/test_defaults.py",
                "PUBLISHED: dict[str, tuple[str, Options]] = {",
                '    "FineAP": ("an example", {"bins": 40}),',
            ),
        ),
        (
            "tests/losses/test_contract.py",
            "tests/losses/test_defaults.py",
            "tests/on_accelerator/test_losses.py",
            "tests/experiments",
        ),
        "fine_ap or FineAP or test_defaults",
    ),
    "a dataset layout": Row(
        "zoo/data/datasets/toys.py",
        DATASET,
        (
            (
                "zoo/data/readers.py",
                "from zoo.data.datasets.sop import SOP",
                "from zoo.data.datasets.toys import TOYS",
            ),
            ("zoo/data/readers.py", '    "captions": KARPATHY,', '    "toys": TOYS,'),
        ),
        ("tests/data/test_open.py", "tests/test_layers.py"),
        "test_open or test_layers",
    ),
    "a recipe": Row(
        "zoo/recipes/toys.py",
        RECIPE,
        (
            ("zoo/recipes/__init__.py", "    suprank,\n    vehicleid,", "    toys,"),
            ("zoo/recipes/__init__.py", "    dyml,\n    suprank,", "    toys,"),
        ),
        ("tests/recipes", "tests/cards"),
        "recipes or cards",
        (("-m", "cli", "card", "new", "toys-resnet50-recall_at_k", "--out", "model_cards/CARD"),),
    ),
    "a metric": Row(
        "zoo/metrics/success.py",
        METRIC,
        (
            (
                "tests/metrics/test_numbers.py",
                "METRICS: dict[Callable[..., object], Metric] = {",
                "    success.success_at_two: lambda s: success.success_at_two(s, RELEVANT),",
            ),
            ("tests/metrics/test_numbers.py", "    retrieval,", "    success,"),
        ),
        ("tests/metrics/test_numbers.py", "tests/test_layers.py"),
        "test_numbers or test_layers",
    ),
    "a command": Row(
        "cli/hello.py",
        COMMAND,
        (("cli/commands.py", "COMMANDS = {", '    "hello": "cli.hello:hello",'),),
        ("tests/cli/test_reference.py", "tests/test_readme.py"),
        "test_reference or test_readme",
        (("-m", "cli.reference"), ("-m", "cli", "hello", "you", "--json")),
    ),
}


def guide() -> dict[str, str]:
    """The table's rows, by their first column."""
    rows = re.findall(r"^\| (a [^|]+?) \| (.+) \|$", GUIDE, re.M)
    return {name: rest for name, rest in rows if name != "a backbone"}


def test_the_table_of_the_guide_is_followed_here_row_by_row() -> None:
    assert guide().keys() == ROWS.keys()


@pytest.mark.parametrize("name", ROWS)
def test_the_guide_names_every_file_that_is_touched(name: str) -> None:
    row, told = ROWS[name], guide()[name]
    for path in {row.file, *(file for file, _, _ in row.lines)}:
        written = re.sub(r"(?<=/)[a-z_]+(?=\.py)", "<name>", row.file)
        assert path in told or written in told, f"{name}: {path}"


@pytest.mark.slow
def test_what_the_guide_says_is_enough(tmp_path: Path) -> None:
    for part in PARTS:
        shutil.copytree(ROOT / part, tmp_path / part, ignore=shutil.ignore_patterns("__pycache__"))
    for part in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / part, tmp_path / part)
    for row in ROWS.values():
        follow(row, tmp_path)
    for command in (command for row in ROWS.values() for command in row.commands):
        run(tmp_path, *(word.replace("CARD", "toys-resnet50-recall_at_k.md") for word in command))
    tests = dict.fromkeys(test for row in ROWS.values() for test in row.tests)
    named = " or ".join(row.named for row in ROWS.values())
    said = run(tmp_path, *PYTEST, *tests, "-k", named)
    assert set(re.findall(r"\[(toys-resnet50-recall_at_k|toys|fine_ap)\b", said)) == {
        "toys",
        "fine_ap",
        "toys-resnet50-recall_at_k",
    }


def follow(row: Row, folder: Path) -> None:
    """Write the row's file into a copy of the repository, and add its lines."""
    (folder / row.file).write_text(row.text, encoding="utf-8")
    for file, line, new in row.lines:
        text = (folder / file).read_text(encoding="utf-8")
        assert text.count(f"{line}\n") == 1, f"{file}: {line}"
        (folder / file).write_text(text.replace(f"{line}\n", f"{line}\n{new}\n"), "utf-8")


def run(folder: Path, *words: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    found = subprocess.run(
        [sys.executable, *words],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stdout[-3000:] + found.stderr[-2000:]
    return found.stdout
