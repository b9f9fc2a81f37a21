"""Smooth stand-ins for the Heaviside step, each with its derivative.

A gap is `score of another item - score of the ranked item`: the exact step is 1 when the other
item is ahead, and a column out of the ranking has a gap of `-inf`. Pieces are chosen by comparing
where compiled (0.09 ns a gap; `sign` takes 0.34), by arithmetic in place where not: eager,
`torch.where` takes several times as long as an addition.
"""

import math
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

Gaps = Float[Tensor, "..."]


# Exponents of 2 stay within +-58. Beyond, a sigmoid is 0 or 1 to 4e-18, and its slope is left at
# that rather than fall to the denormal numbers, on which a processor (and the matrix product that
# follows) is 10 to 100 times slower.
FAR = 40 / math.log(2)


@runtime_checkable
class Step(Protocol):
    """A surrogate step: a function of the gap that knows its own derivative.

    `odds`, where they are known already, are `exp(-gap / tau)`, and are overwritten.
    """

    def value_and_slope(self, gap: Gaps, odds: Gaps | None = None) -> tuple[Gaps, Gaps]:
        """Return how much each other item counts as being ahead, and the derivative."""
        ...

    def slope(self, gap: Gaps, odds: Gaps | None = None) -> Gaps:
        """Return the derivative alone, in memory of its own."""
        ...


def sigmoid(gap: Gaps, tau: float | int, odds: Gaps | None = None, low: float = -FAR) -> Gaps:
    """Return `1 / (1 + exp(-gap / tau))`, constant where the exponent of 2 leaves `low`..FAR.

    A power of 2, because the compiler stores an `exp` that is used twice, and recomputes this.

    >>> sigmoid(torch.tensor([-0.1, 0.0]), tau=0.1)
    tensor([0.2689, 0.5000])
    """
    if odds is None:
        odds = (gap * (-1 / (tau * math.log(2)))).clamp_(low, FAR).exp2_()
    elif low > -FAR:
        odds = odds.clamp_(min=2**low)
    return odds.add_(1).reciprocal_()


@dataclass(frozen=True)
class SigmoidStep:
    """`1 / (1 + exp(-gap / tau))` (Smooth-AP, eq. 6; Recall@k surrogate, eq. 4).

    Its derivative is at most 1 / (4 tau), and gone beyond 10 tau on either side.

    >>> SigmoidStep(tau=0.1).value_and_slope(torch.tensor([-1.0, 0.0]))
    (tensor([4.5398e-05, 5.0000e-01]), tensor([4.5396e-04, 2.5000e+00]))
    """

    tau: float | int = 0.01

    def value_and_slope(self, gap: Gaps, odds: Gaps | None = None) -> tuple[Gaps, Gaps]:
        """Return the sigmoid and its derivative."""
        value = sigmoid(gap, self.tau, odds)
        return value, _sigmoid_slope(value, self.tau)

    def slope(self, gap: Gaps, odds: Gaps | None = None) -> Gaps:
        """Return the sigmoid's derivative."""
        return _sigmoid_slope(sigmoid(gap, self.tau, odds), self.tau)


@dataclass(frozen=True)
class SupRankStep:
    """SupRank's three pieces: an upper bound of the step whose gradient survives far mistakes.

    Ramzi et al., ROADMAP (NeurIPS 2021, eq. 4) and SupRank (TPAMI 2025): `sigmoid(gap / tau)` for
    `gap <= 0`, `start +` the same up to `delta`, then the line `rho (gap - delta) + offset`. The
    published `offset=1.44` leaves a step of 0.053 down at delta; `None` makes the line meet it.

    >>> SupRankStep().value_and_slope(torch.tensor([0.0, 0.001, 0.06]))[0]
    tensor([0.5000, 1.0250, 2.4400])
    """

    tau: float | int = 0.01
    rho: float | int = 100.0
    delta: float | int = 0.05
    start: float | int = 0.5
    offset: float | int | None = 1.44

    def value_and_slope(self, gap: Gaps, odds: Gaps | None = None) -> tuple[Gaps, Gaps]:
        """Return the three pieces; the slope is the sigmoid's up to delta, then `rho`."""
        value, far = self._sigmoid_to_delta(gap, odds), gap - self.delta
        slope = _sigmoid_slope(value, self.tau)
        if torch.compiler.is_compiling():
            value = value + (gap > 0).to(gap.dtype) * self.start
            value = torch.where(far > 0, far * self.rho + self._line_start, value)
            return value, torch.where(far > 0, self.rho, slope)
        value.add_(above(gap), alpha=self.start).add_(far.relu_(), alpha=self.rho)
        far.sign_()
        value.add_(far, alpha=self._line_start - self.start - self._at_delta)
        return value, slope.add_(far, alpha=self.rho - self._slope_at_delta)

    def slope(self, gap: Gaps, odds: Gaps | None = None) -> Gaps:
        """Return the derivative."""
        slope = _sigmoid_slope(self._sigmoid_to_delta(gap, odds), self.tau)
        if torch.compiler.is_compiling():
            return torch.where(gap > self.delta, self.rho, slope)
        far = gap.sub(self.delta).relu_().sign_()
        return slope.add_(far, alpha=self.rho - self._slope_at_delta)

    def _sigmoid_to_delta(self, gap: Tensor, odds: Tensor | None) -> Tensor:
        """The sigmoid, constant from delta on, so that the line replaces a known number."""
        return sigmoid(gap, self.tau, odds, low=self._exponent_at_delta)

    @property
    def _exponent_at_delta(self) -> float:
        return max(-self.delta / (self.tau * math.log(2)), -FAR)

    @property
    def _at_delta(self) -> float:
        return 1 / (1 + 2**self._exponent_at_delta)

    @property
    def _slope_at_delta(self) -> float:
        return self._at_delta * (1 - self._at_delta) / self.tau

    @property
    def _line_start(self) -> float:
        """Where the line starts: `offset`, or the value that makes the step continuous."""
        return self.start + self._at_delta if self.offset is None else float(self.offset)


@dataclass(frozen=True)
class RampStep:
    """0 up to a gap of 0, 1 from `width` on, a line between: the cumulated triangular bin.

    >>> RampStep(width=0.5).value(torch.tensor([-0.1, 0.25, 0.6]))
    tensor([0.0000, 0.5000, 1.0000])
    """

    width: float

    def value(self, gap: Gaps) -> Gaps:
        """Return the ramp."""
        return gap.mul(1 / self.width).clamp_(0, 1)

    def slope(self, gap: Gaps) -> Gaps:
        """Return the derivative, 0 at either end."""
        return above(gap).mul_(above(self.width - gap)).mul_(1 / self.width)


@dataclass(frozen=True)
class HingeStep:
    """The gap where it is above 0: a hinge.

    >>> HingeStep().value(torch.tensor([-1.0, 0.5]))
    tensor([0.0000, 0.5000])
    """

    def value(self, gap: Gaps) -> Gaps:
        """Return the hinge."""
        return gap.relu()

    def slope(self, gap: Gaps) -> Gaps:
        """Return the derivative, 0 at 0."""
        return above(gap)


@dataclass(frozen=True)
class HardStep:
    """The step itself, 1 for a gap above 0: a count.

    >>> HardStep().value(torch.tensor([-1.0, 0.0, 1.0]))
    tensor([0., 0., 1.])
    """

    def value(self, gap: Gaps) -> Gaps:
        """Return the step."""
        return above(gap)


@dataclass(frozen=True)
class LowerStep:
    """A lower bound of the step, for items that *should* be ahead (HAPPIER, ECCV 2022, eq. 8).

    `leak x gap` for `gap <= 0`, `min(1, beta x gap + gamma)` above.

    >>> LowerStep().value_and_slope(torch.tensor([-0.1, 0.01, 0.5]))
    (tensor([-1.0000,  0.7500,  1.0000]), tensor([10., 25.,  0.]))
    """

    beta: float | int = 25.0
    gamma: float | int = 0.5
    leak: float | int = 10.0

    def value_and_slope(self, gap: Gaps, odds: Gaps | None = None) -> tuple[Gaps, Gaps]:  # noqa: ARG002
        """Return the two pieces; the slope is `leak` below 0, `beta` until the bound is 1."""
        climb = self.beta * gap + self.gamma
        present = gap.isfinite().to(gap.dtype)
        below = torch.where(present > 0, self.leak * gap, 0)
        slope = torch.where(gap > 0, self.beta * (climb < 1).to(gap.dtype), self.leak * present)
        return torch.where(gap > 0, climb.clamp(max=1), below), slope

    def slope(self, gap: Gaps, odds: Gaps | None = None) -> Gaps:  # noqa: ARG002
        """Return the derivative."""
        return self.value_and_slope(gap)[1]


def above(gap: Gaps) -> Gaps:
    """Return 1 where the gap is above 0, else 0."""
    if torch.compiler.is_compiling():
        return (gap > 0).to(gap.dtype)
    return gap.sign().relu_()


def _sigmoid_slope(value: Tensor, tau: float | int) -> Tensor:
    scaled = value * (1 / tau)
    return scaled.addcmul_(scaled, value, value=-1)
