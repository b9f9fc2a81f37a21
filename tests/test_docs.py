"""The docs site builds without a warning, and what its own pages show runs."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCS = ROOT / ".github" / "docs"
OURS = ["losses.md"]  # pages whose Python stands alone


@pytest.mark.parametrize("page", OURS)
def test_the_python_of_a_page_runs(page: str) -> None:
    blocks = re.findall(r"```python\n(.*?)```", (DOCS / page).read_text("utf-8"), re.DOTALL)
    assert blocks
    for block in blocks:
        exec(compile(block, page, "exec"), {})


@pytest.mark.slow
def test_the_site_builds_with_warnings_as_errors(tmp_path: Path) -> None:
    command = ["-m", "mkdocs", "build", "--strict", "-f", str(ROOT / ".github" / "mkdocs.yml")]
    found = subprocess.run(
        [sys.executable, *command, "-d", str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stderr
    made = {path.parent.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("index.html")}
    assert {".", "which-loss", "comparison", "shelf", "commands", "api/losses"} <= made
    page = (tmp_path / "api" / "losses" / "index.html").read_text("utf-8")
    for shown in ("SupAP", "embeddings", "Float"):
        assert shown in page
    pages = [path.read_text("utf-8") for path in tmp_path.rglob("index.html")]
    fetched = {
        url for text in pages for url in re.findall(r'(?:src|href)="(https?://[^"]+)"', text)
    }
    assert not [url for url in fetched if url.endswith((".js", ".css", ".png"))]
