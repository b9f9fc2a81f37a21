"""What GitHub and PyPI are given: workflows, forms, citation, changelog, wheel and sdist."""

import json
import re
import subprocess
import sys
import tarfile
import zipfile
import zlib
from pathlib import Path

import pytest
import yaml

from zoo import __version__

ROOT = Path(__file__).parents[1]
MOST_BYTES = 40 * 2**20  # installed
MOST_PACKED_BYTES = 40_000_000  # in the wheel, which is deflated
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


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist, and the wheel that is built from it."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT))
    return folder


def test_the_weights_that_come_with_the_wheel_stay_within_forty_mebibytes() -> None:
    shipped = list((ROOT / "zoo").rglob("*.safetensors"))
    assert len(shipped) > 1
    assert sum(path.stat().st_size for path in shipped) <= MOST_BYTES
    packed = sum(len(zlib.compress(path.read_bytes())) for path in shipped)
    assert packed <= MOST_PACKED_BYTES  # what they are of a download


@pytest.mark.slow
def test_the_sdist_holds_sources_cards_and_tests_and_what_they_are_built_with(dist: Path) -> None:
    (sdist,) = dist.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    beside = {".gitignore", "LICENSE", "README.md", "pyproject.toml"}
    parts = ("zoo", "cli", "model_cards", "tests")
    listed = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", *parts)
    files = {name for name in listed.split("\0") if name and (ROOT / name).is_file()}
    assert names == files | beside | {"PKG-INFO"}


@pytest.mark.slow
def test_the_wheel_of_the_sdist_is_the_wheel_of_the_tree_byte_for_byte(
    dist: Path, tmp_path: Path
) -> None:
    wheel = ("--wheel", "--outdir", str(tmp_path), str(ROOT))
    run(sys.executable, "-m", "build", "--no-isolation", *wheel)
    assert contents(*dist.glob("*.whl")) == contents(*tmp_path.glob("*.whl"))


@pytest.mark.slow  # 25 s on an idle core: a whole quickstart, but for its training, and two imports
def test_the_wheel_runs_where_nothing_else_of_ours_is(dist: Path, tmp_path: Path) -> None:
    """Installed beside the dependencies that are here, it runs every stage of the quickstart."""
    python = sys.executable
    run(python, "-m", "twine", "check", "--strict", *map(str, dist.iterdir()))
    (wheel,) = dist.glob("*.whl")
    names = contents(wheel).keys()
    assert "zoo/model_cards/emoji-sup_hap.md" in names
    assert not [name for name in names if name.startswith("tests/")]
    home = tmp_path / "clean"
    run(python, "-m", "pip", "install", "-q", "--no-deps", "--target", str(home), str(wheel))
    script = (
        f"import sys; sys.path.insert(0, {str(home)!r});"
        "import zoo, cli.main, cli;"
        f"assert zoo.__file__.startswith({str(home)!r}), zoo.__file__;"
        "zoo.load('emoji-sup_hap', offline=True);"
        "sys.argv = ['rankzoo', *sys.argv[1:]]; cli.main.main()"
    )
    asked = ("quickstart", "--steps", "2", "--device", "cpu", "--out", "quick", "--json")
    done = json.loads(run(python, "-c", script, *asked, cwd=tmp_path))
    assert done["after"].keys() == done["before"].keys() >= {"recall_at_1", "map_at_r"}
    assert "emoji-sup_hap" in run(python, "-c", script, "list", "--ready", cwd=tmp_path)


def contents(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def run(*command: str, cwd: Path = ROOT) -> str:
    found = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout + found.stderr
    return found.stdout
