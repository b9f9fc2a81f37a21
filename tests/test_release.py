"""What GitHub and PyPI are given: workflows, forms, citation, changelog, wheel and sdist."""

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml

from zoo import __version__

ROOT = Path(__file__).parents[1]
GITHUB = ROOT / ".github"
SCHEMAS = {
    "vendor.github-workflows": sorted((GITHUB / "workflows").glob("*.yml")),
    "vendor.github-issue-forms": [
        path
        for path in sorted((GITHUB / "ISSUE_TEMPLATE").glob("*.yml"))
        if path.name != "config.yml"
    ],
    "vendor.github-issue-config": [GITHUB / "ISSUE_TEMPLATE" / "config.yml"],
    "vendor.citation-file-format": [GITHUB / "CITATION.cff"],
}


@pytest.mark.parametrize("schema", SCHEMAS)
def test_what_github_reads_follows_its_schema(schema: str) -> None:
    command = ["-m", "check_jsonschema", "--builtin-schema", schema, *map(str, SCHEMAS[schema])]
    found = subprocess.run([sys.executable, *command], capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout + found.stderr


def test_the_changelog_and_the_citation_know_the_version() -> None:
    changelog = (GITHUB / "CHANGELOG.md").read_text(encoding="utf-8")
    released = re.findall(r"^## \[(\d+\.\d+\.\d+)\]", changelog, re.M)
    assert released[0] == __version__
    citation = yaml.safe_load((GITHUB / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == __version__


def test_the_dockerfile_copies_what_the_wheel_is_made_of() -> None:
    text = (GITHUB / "Dockerfile").read_text(encoding="utf-8")
    for part in ("pyproject.toml", "README.md", "LICENSE", "zoo", "cli", "model_cards"):
        assert re.search(rf"^COPY .*\b{re.escape(part)}\b", text, re.M), part


@pytest.mark.slow
def test_wheel_and_sdist_are_built_checked_and_run_where_nothing_else_of_ours_is(
    tmp_path: Path,
) -> None:
    """The wheel, installed beside the dependencies that are here, is what `rankzoo` then runs."""
    python = sys.executable
    dist = tmp_path / "dist"
    run(python, "-m", "build", "--no-isolation", "--outdir", str(dist), str(ROOT))
    run(python, "-m", "twine", "check", "--strict", *map(str, dist.iterdir()))
    (wheel,) = dist.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert "zoo/model_cards/emoji-sup_hap.md" in names
    assert not [name for name in names if name.startswith("tests/")]
    home = tmp_path / "clean"
    run(python, "-m", "pip", "install", "-q", "--no-deps", "--target", str(home), str(wheel))
    script = (
        f"import sys; sys.path.insert(0, {str(home)!r});"
        "import zoo, cli.main, cli;"
        f"assert zoo.__file__.startswith({str(home)!r}), zoo.__file__;"
        "model = zoo.load('emoji-sup_hap', offline=True);"
        "sys.argv = ['rankzoo', 'list', '--ready']; cli.main.main()"
    )
    assert "emoji-sup_hap" in run(python, "-c", script, cwd=tmp_path)


def run(*command: str, cwd: Path = ROOT) -> str:
    found = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout + found.stderr
    return found.stdout
