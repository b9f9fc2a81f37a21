"""The toy batch of the golden values; with -vv, a table of what was expected and what came."""

import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize

COMPARED = "expected, got"
Batch = tuple[Tensor, Tensor]


@pytest.fixture
def toy() -> Batch:
    """12 unit vectors of dimension 8 in float64; labels (fine, coarse): 6 pairs in 3 classes."""
    i = torch.arange(12, dtype=torch.float64)[:, None]
    j = torch.arange(8, dtype=torch.float64)[None, :]
    coarse = torch.arange(12) // 4
    wave = torch.sin(1.7 * i + 0.9 * j + 0.3 * i * j) + 0.8 * torch.cos(2.1 * (i // 4) + 0.5 * j)
    return normalize(wave), torch.stack([torch.arange(12) // 2, coarse], dim=1)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what tests recorded as `record_property("expected, got", text)`."""
    if terminalreporter.config.get_verbosity() < 1:
        return
    reports = terminalreporter.getreports("passed") + terminalreporter.getreports("failed")
    lines = [
        str(text)
        for report in reports
        if isinstance(report, pytest.TestReport) and report.when == "call"
        for name, text in report.user_properties
        if name == COMPARED
    ]
    if lines:
        terminalreporter.section(COMPARED)
        for line in lines:
            terminalreporter.write_line(line)
