"""What other systems lack is not needed to import rankzoo; the workflow that shows it is whole."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.house import sources

ROOT = Path(__file__).parents[1]
POSIX_ONLY = {"fcntl", "grp", "posix", "pty", "pwd", "resource", "syslog", "termios", "tty"}
WORKFLOW = ROOT / ".github" / "workflows" / "tests.yml"

# What `import zoo, cli.main` meets on Windows: these modules are not there.
STUB = f"""
import sys
sys.modules.update(dict.fromkeys({sorted(POSIX_ONLY - {"posix"})}))
import zoo, cli.main
zoo.load
"""


def test_the_package_imports_where_posix_modules_are_missing() -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-W", "error", "-c", STUB]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("path", sources(ROOT), ids=lambda path: str(path.relative_to(ROOT)))
def test_no_file_needs_a_posix_module_to_be_imported(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert not _names_at_the_top(tree) & POSIX_ONLY


def _names_at_the_top(tree: ast.Module) -> set[str]:
    names = set()
    for node in tree.body:
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    return names


def test_the_workflow_covers_the_systems_and_pythons_that_are_promised() -> None:
    job = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))["jobs"]["fast"]
    matrix = job["strategy"]["matrix"]
    assert matrix["os"] == ["ubuntu-latest", "macos-latest", "windows-latest"]
    assert matrix["python"] == ["3.11", "3.12", "3.13", "3.14"]


def test_the_workflows_are_valid() -> None:
    files = [str(path) for path in sorted(WORKFLOW.parent.glob("*.yml"))]
    schema = ["--builtin-schema", "vendor.github-workflows"]
    command = [sys.executable, "-m", "check_jsonschema", *schema, *files]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
