"""The notebooks run from the first cell to the last, and are kept without outputs."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = sorted((Path(__file__).parents[1] / ".github" / "notebooks").glob("*.ipynb"))
NAMES = [path.stem for path in NOTEBOOKS]


def test_there_are_three_and_none_holds_an_output() -> None:
    assert NAMES == ["index", "losses", "quickstart"]
    for path in NOTEBOOKS:
        cells = [c for c in nbformat.read(path, as_version=4).cells if c.cell_type == "code"]
        assert not [c for c in cells if c.outputs or c.execution_count is not None]


@pytest.mark.long
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_every_cell_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In one kernel, one notebook after the other: the packages are imported once."""
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))
    whole = nbformat.v4.new_notebook()
    whole.cells = [cell for path in NOTEBOOKS for cell in nbformat.read(path, as_version=4).cells]
    NotebookClient(whole, timeout=120, resources={"metadata": {"path": tmp_path}}).execute()
    last = [c for c in whole.cells if c.cell_type == "code"][-1]
    assert 0.0 <= float(last.outputs[0].data["text/plain"]) <= 1.0
