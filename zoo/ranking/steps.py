"""Smooth stand-ins for the Heaviside step, each with its derivative.

A gap is `score of another item - score of the ranked item`: the exact step is 1 when the other
item is ahead. `-inf` marks a column that is no item of the ranking; every step maps it to (0, 0).
"""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

Gaps = Float[Tensor, "..."]


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

    tau: float = 0.01

    def value(self, gap: Gaps) -> Gaps:
        """Return the sigmoid."""
        return torch.sigmoid(gap / self.tau)

    def slope(self, gap: Gaps) -> Gaps:
        """Return the sigmoid's derivative: at most 1 / (4 tau), gone beyond 10 tau."""
        sigmoid = torch.sigmoid(gap / self.tau)
        return sigmoid * (1 - sigmoid) / self.tau
