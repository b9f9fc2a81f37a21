"""What the package shows to the outside."""

import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_no_other_distribution_owns_our_import_packages() -> None:
    owners = packages_distributions()  # an editable install lists no package at all
    assert set(owners.get("zoo", [])) <= {"rankzoo"}
    assert set(owners.get("cli", [])) <= {"rankzoo"}


def test_the_top_level_is_the_one_the_user_named() -> None:
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split("\n")
    visible = {name.split("/")[0] for name in tracked if name and not name.startswith(".")}
    assert visible == {
        "zoo",
        "cli",
        "model_cards",
        "tests",
        "pyproject.toml",
        "README.md",
        "LICENSE",
    }


def test_help_does_not_import_torch() -> None:
    script = (
        "import sys, typer; from cli.main import app; group = typer.main.get_command(app);"
        "[group.commands[name] for name in group.commands]; sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=False).returncode == 0
