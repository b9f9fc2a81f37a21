"""What GPU tests share: a card that is really there, and one table of what they measured."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from tests.training.conftest import dataset as dataset
from tests.training.conftest import network as network
from tests.training.conftest import photos as photos
from tests.training.conftest import recipe as recipe

HERE = Path(__file__).parent
ROWS = pytest.StashKey[list[tuple[str, str, str]]]()
Note = Callable[[str, str, str], None]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this folder, whatever its file."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.gpu)


@pytest.fixture(scope="session", autouse=True)
def card() -> str:
    """Return the card's name; without one nothing here can be shown, and that is an error."""
    if not torch.cuda.is_available():
        pytest.exit("no GPU of CUDA here: run `just gpu` on a machine that has one", returncode=4)
    torch.backends.cuda.matmul.allow_tf32 = False  # parity is that of float32
    torch.backends.cudnn.allow_tf32 = False
    return torch.cuda.get_device_name()


@pytest.fixture
def note(request: pytest.FixtureRequest) -> Note:
    """Return how a test adds a row to the table: what, measured, wanted."""
    rows = request.config.stash.setdefault(ROWS, [])
    return lambda what, measured, wanted: rows.append((what, measured, wanted))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the table."""
    rows = terminalreporter.config.stash.get(ROWS, [])
    if not rows:
        return
    terminalreporter.section(f"{torch.cuda.get_device_name()}, torch {torch.__version__}")
    terminalreporter.write_line("| what | measured | wanted |\n|---|---|---|")
    for row in rows:
        terminalreporter.write_line("| " + " | ".join(row) + " |")
