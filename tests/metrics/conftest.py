"""Random rankings and slow, obvious implementations to compare with."""

from collections.abc import Callable, Sequence
from typing import ClassVar

import pytest
import torch
from torch import Tensor

Ranking = tuple[Tensor, Tensor]
Numbers = float | Sequence[float] | Tensor


@pytest.fixture
def ranking() -> Ranking:
    """Scores without ties and relevance, 40 queries against 150 items, 1 .. 60 relevant items."""
    generator = torch.Generator().manual_seed(7)
    scores = torch.rand(40, 150, generator=generator, dtype=torch.float64)
    share = torch.linspace(0.02, 0.4, 40)[:, None]
    relevant = torch.rand(40, 150, generator=generator) < share
    relevant[:, 0] = True
    return scores, relevant


@pytest.fixture
def golden() -> tuple[Tensor, Tensor]:
    """The twelve unit vectors with known metrics, and their two label levels, finest first."""
    i = torch.arange(12, dtype=torch.float64)
    j = torch.arange(8, dtype=torch.float64)
    coarse, fine = (i // 4), (i // 2)
    u = torch.sin(1.7 * i[:, None] + 0.9 * j + 0.3 * i[:, None] * j) + 0.8 * torch.cos(
        2.1 * coarse[:, None] + 0.5 * j
    )
    labels = torch.stack([fine, coarse], dim=1).long()
    return torch.nn.functional.normalize(u, dim=1), labels


@pytest.fixture
def slowly() -> Callable[[Tensor, Tensor, Callable[[list[bool]], float]], float]:
    """Mean of a plain-Python metric over queries, given each ranked list of right and wrong."""

    def mean(scores: Tensor, relevant: Tensor, metric: Callable[[list[bool]], float]) -> float:
        values = []
        for row, right in zip(scores.tolist(), relevant.tolist(), strict=True):
            order = sorted(range(len(row)), key=lambda n: (-row[n], right[n]))
            values.append(metric([right[n] for n in order]))
        return sum(values) / len(values)

    return mean


class Parity:
    """Compares with an oracle and remembers by how much the two differ."""

    rows: ClassVar[list[tuple[str, str, float]]] = []

    def __call__(
        self, metric: str, oracle: str, ours: Numbers, theirs: Numbers, tolerance: float = 1e-9
    ) -> None:
        a, b = (torch.as_tensor(v, dtype=torch.float64).reshape(-1) for v in (ours, theirs))
        assert len(a) == len(b) > 0
        difference = float((a - b).abs().max())
        self.rows.append((metric, oracle, difference))
        assert difference <= tolerance, f"{metric} is off {oracle} by {difference}"


@pytest.fixture
def parity() -> Parity:
    return Parity()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """With -vv, show the table of metric, oracle and largest difference."""
    if not Parity.rows or terminalreporter.verbosity < 1:
        return
    terminalreporter.section("largest difference from an independent implementation")
    for metric, oracle, difference in Parity.rows:
        terminalreporter.write_line(f"{metric:<44} {oracle:<34} {difference:.1e}")
