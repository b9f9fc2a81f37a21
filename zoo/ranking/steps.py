"""Smooth stand-ins for the Heaviside step, each with its derivative.

A gap is `score of another item - score of the ranked item`: the exact step is 1 when the other
item is ahead. A sigmoid of the gap is `1 / (1 + odds)` with `odds = exp(-gap / tau)`; steps take
the odds too, because over a gallery they cost one exponential a column (step_sums.py).
"""

import math
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

Gaps = Float[Tensor, "..."]


@runtime_checkable
class Step(Protocol):
    """A surrogate step: a function of the gap that knows its own derivative."""

    @property
    def tau(self) -> float | int:
        """The temperature of `odds`."""
        ...

    def value_and_slope(self, gap: Gaps, odds: Gaps) -> tuple[Gaps, Gaps]:
        """Return how much each other item counts as being ahead, and the derivative."""
        ...


@dataclass(frozen=True)
class SigmoidStep:
    """`1 / (1 + exp(-gap / tau))` (Smooth-AP, eq. 6; Recall@k surrogate, eq. 4).

    Its derivative is at most 1 / (4 tau), and gone beyond 10 tau on either side.

    >>> on_gaps(SigmoidStep(tau=0.1), torch.tensor([-1.0, 0.0]))
    (tensor([4.5398e-05, 5.0000e-01]), tensor([4.5396e-04, 2.5000e+00]))
    """

    tau: float | int = 0.01

    def value_and_slope(self, gap: Gaps, odds: Gaps) -> tuple[Gaps, Gaps]:  # noqa: ARG002
        """Return the sigmoid and its derivative."""
        sigmoid = 1 / (1 + odds)
        return sigmoid, odds * sigmoid * sigmoid * (1 / self.tau)


@dataclass(frozen=True)
class SupRankStep:
    """SupRank's three pieces: an upper bound of the step whose gradient survives far mistakes.

    Ramzi et al., ROADMAP (NeurIPS 2021, eq. 4) and SupRank (TPAMI 2025): `sigmoid(gap / tau)` for
    `gap <= 0`, `start +` the same up to `delta`, then the line `rho (gap - delta) + offset`. The
    published `offset=1.44` leaves a step of 0.053 down at delta; `None` makes the line meet it.

    >>> on_gaps(SupRankStep(), torch.tensor([0.0, 0.001, 0.06]))[0]
    tensor([0.5000, 1.0250, 2.4400])
    """

    tau: float | int = 0.01
    rho: float | int = 100.0
    delta: float | int = 0.05
    start: float | int = 0.5
    offset: float | int | None = 1.44

    def value_and_slope(self, gap: Gaps, odds: Gaps) -> tuple[Gaps, Gaps]:
        """Return the three pieces; the slope is the sigmoid's up to delta, then `rho`."""
        sigmoid = 1 / (1 + odds)
        near = sigmoid + self.start * (gap > 0)
        line = self.rho * (gap - self.delta) + self.line_start
        far = gap > self.delta
        slope = (odds * sigmoid * sigmoid * (1 / self.tau)).masked_fill(far, self.rho)
        return torch.where(far, line, near), slope

    @property
    def line_start(self) -> float:
        """Where the line starts: `offset`, or the value that makes the step continuous."""
        if self.offset is not None:
            return float(self.offset)
        return self.start + 1 / (1 + math.exp(-self.delta / self.tau))


@dataclass(frozen=True)
class LowerStep:
    """A lower bound of the step, for items that *should* be ahead (HAPPIER, ECCV 2022, eq. 8).

    `leak x gap` for `gap <= 0`, `min(1, beta x gap + gamma)` above.

    >>> on_gaps(LowerStep(), torch.tensor([-0.1, 0.01, 0.5]))
    (tensor([-1.0000,  0.7500,  1.0000]), tensor([10., 25.,  0.]))
    """

    beta: float | int = 25.0
    gamma: float | int = 0.5
    leak: float | int = 10.0

    @property
    def tau(self) -> float:
        """There is no sigmoid here: any temperature will do."""
        return 1.0

    def value_and_slope(self, gap: Gaps, odds: Gaps) -> tuple[Gaps, Gaps]:  # noqa: ARG002
        """Return the two pieces; the slope is `leak` below 0, `beta` until the bound is 1."""
        climb = self.beta * gap + self.gamma
        present = gap.isfinite().to(gap.dtype)
        below = torch.where(present > 0, self.leak * gap, 0)
        slope = torch.where(gap > 0, self.beta * (climb < 1).to(gap.dtype), self.leak * present)
        return torch.where(gap > 0, climb.clamp(max=1), below), slope


def on_gaps(step: Step, gap: Gaps) -> tuple[Gaps, Gaps]:
    """Return a step's value and slope from gaps alone."""
    return step.value_and_slope(gap, torch.exp(-gap / step.tau))
