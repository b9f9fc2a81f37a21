"""Random rankings and slow, obvious implementations to compare with."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

Ranking = tuple[Tensor, Tensor]


@pytest.fixture
def ranking() -> Ranking:
    """Scores without ties and relevance, 40 queries against 150 items, 1 .. 60 right answers."""
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
