"""Smooth stand-ins for the Heaviside step, each with its derivative.

A gap is `score of another item - score of the ranked item`: the exact step is 1 when the other
item is ahead. `-inf` marks a column that is no item of the ranking; every step maps it to (0, 0).
"""

import math
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

Gaps = Float[Tensor, "..."]

# exp(-50) is 2e-22: nothing to a count, while exp(-88) and below are denormal float32 numbers,
# on which a processor is some hundred times slower.
FAR = -50.0


@runtime_checkable
class Step(Protocol):
    """A surrogate step: a function of the gap that knows its own derivative."""

    def value(self, gap: Gaps) -> Gaps:
        """Return how much each other item counts as being ahead."""
        ...

    def slope(self, gap: Gaps) -> Gaps:
        """Return the derivative of `value`."""
        ...


@dataclass(frozen=True)
class SigmoidStep:
    """`1 / (1 + exp(-gap / tau))` (Smooth-AP, eq. 6; Recall@k surrogate, eq. 4).

    >>> SigmoidStep(tau=0.1).value(torch.tensor([-1.0, 0.0, 1.0]))
    tensor([4.5398e-05, 5.0000e-01, 9.9995e-01])
    """

    tau: float | int = 0.01

    def value(self, gap: Gaps) -> Gaps:
        """Return the sigmoid."""
        return _sigmoid(gap, self.tau)

    def slope(self, gap: Gaps) -> Gaps:
        """Return the sigmoid's derivative: at most 1 / (4 tau), gone beyond 10 tau."""
        sigmoid = _sigmoid(gap, self.tau)
        return sigmoid * (1 - sigmoid) / self.tau


@dataclass(frozen=True)
class SupRankStep:
    """SupRank's three pieces: an upper bound of the step whose gradient survives far mistakes.

    Ramzi et al., ROADMAP (NeurIPS 2021, eq. 4) and SupRank (TPAMI 2025): `sigmoid(gap / tau)` for
    `gap <= 0`, `start +` the same up to `delta`, then the line `rho (gap - delta) + offset`. The
    published `offset=1.44` leaves a step of 0.053 down at delta; `None` makes the line meet it.

    >>> SupRankStep().value(torch.tensor([0.0, 0.001, 0.05, 0.06]))
    tensor([0.5000, 1.0250, 1.4933, 2.4400])
    """

    tau: float | int = 0.01
    rho: float | int = 100.0
    delta: float | int = 0.05
    start: float | int = 0.5
    offset: float | int | None = 1.44

    def value(self, gap: Gaps) -> Gaps:
        """Return the three pieces."""
        sigmoid = _sigmoid(gap, self.tau)
        low = torch.where(gap > 0, sigmoid + self.start, sigmoid)
        return torch.where(gap > self.delta, self.rho * (gap - self.delta) + self.line_start, low)

    def slope(self, gap: Gaps) -> Gaps:
        """Return the sigmoid's derivative up to delta, then `rho`."""
        sigmoid = _sigmoid(gap, self.tau)
        return torch.where(gap > self.delta, self.rho, sigmoid * (1 - sigmoid) / self.tau)

    @property
    def line_start(self) -> float:
        """Where the line starts: `offset`, or the value that makes the step continuous."""
        if self.offset is not None:
            return self.offset
        return self.start + 1 / (1 + math.exp(-self.delta / self.tau))


@dataclass(frozen=True)
class LowerStep:
    """A lower bound of the step, for items that *should* be ahead (HAPPIER, ECCV 2022, eq. 8).

    `leak x gap` for `gap <= 0`, `min(1, beta x gap + gamma)` above.
    """

    beta: float | int = 25.0
    gamma: float | int = 0.5
    leak: float | int = 10.0

    def value(self, gap: Gaps) -> Gaps:
        """Return the two pieces."""
        below = torch.where(gap.isinf(), 0.0, self.leak * gap)
        return torch.where(gap > 0, (self.beta * gap + self.gamma).clamp(max=1), below)

    def slope(self, gap: Gaps) -> Gaps:
        """Return `leak` below 0, `beta` until the bound reaches 1, then 0."""
        climbing = self.beta * (self.beta * gap + self.gamma < 1).to(gap.dtype)
        below = self.leak * gap.isfinite().to(gap.dtype)
        return torch.where(gap > 0, climbing, below)


def _sigmoid(gap: Gaps, tau: float | int) -> Gaps:
    return torch.sigmoid((gap * (1 / tau)).clamp(min=FAR))
