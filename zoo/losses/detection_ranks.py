"""What the detection losses share: piecewise-linear ranks in linearithmic time, assigned gradients.

AP-loss, aLRP and Rank & Sort compare every positive logit with every other logit by the ramp
`H(x) = clamp(x / (2 delta) + 1/2, 0, 1)`. `H` is piecewise linear, so a sum of `H` over a sorted
list needs two prefix sums and two binary searches, not one pass over the list per positive.
"""

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from zoo.errors import UsageError
from zoo.ranking.numbers import check_numbers


def ramp_sums(
    at: Float[Tensor, " point"],
    values: Float[Tensor, " value"],
    delta: float,
    weights: Float[Tensor, " value"] | None = None,
) -> Float[Tensor, " point"]:
    """Return `sum_j weights_j H(values_j - at_i)` for every point; `values` ascending, float64.

    The prefix sums cancel where they are subtracted, hence float64 throughout.

    >>> ramp_sums(torch.tensor([0.0]).double(), torch.tensor([-3.0, 0.0, 0.5, 9.0]).double(), 1.0)
    tensor([2.2500], dtype=torch.float64)
    """
    weights = torch.ones_like(values) if weights is None else weights
    mass, moment = _prefix_sums(weights), _prefix_sums(weights * values)
    start = torch.searchsorted(values, at - delta)
    stop = torch.searchsorted(values, at + delta)
    on_ramp = mass[stop] - mass[start]
    rise = (moment[stop] - moment[start] - on_ramp * at) / (2 * delta)
    return (mass[-1] - mass[stop]) + rise + on_ramp / 2


def _prefix_sums(values: Float[Tensor, " value"]) -> Float[Tensor, " value_plus_one"]:
    return torch.cat([values.new_zeros(1), values.cumsum(dim=0)])


@dataclass(frozen=True)
class DetectionRanks:
    """Where each positive stands: positives in ascending order of their logits, float64.

    `negatives` holds only those within reach of a positive (`> lowest positive - delta`): the
    others add nothing to any rank and receive no gradient. `order` and `reach` lead back to the
    logits: flat indices of the positives and of the negatives.
    """

    positives: Float[Tensor, " positive"]
    negatives: Float[Tensor, " negative"]
    order: Tensor
    reach: Tensor
    among_positives: Float[Tensor, " positive"]
    false_positives: Float[Tensor, " positive"]
    delta: float

    @property
    def rank(self) -> Float[Tensor, " positive"]:
        """The rank among all logits: 1 for a positive alone at the top."""
        return self.among_positives + self.false_positives

    def spread(self, weights: Float[Tensor, " positive"]) -> Float[Tensor, " negative"]:
        """Return `sum_i weights_i H(negative - positive_i)` for every negative in reach."""
        mirrored = (-self.positives).flip(0)  # H(n - p) = H((-p) - (-n)), so the same sums serve
        return ramp_sums(-self.negatives, mirrored, self.delta, weights.flip(0))

    def scatter(
        self,
        like: Tensor,
        on_positives: Float[Tensor, " positive"],
        on_negatives: Float[Tensor, " negative"] | None = None,
    ) -> Tensor:
        """Return a gradient of the shape of `like`, divided by the number of positives."""
        gradient = torch.zeros_like(like, dtype=torch.float64).flatten()
        gradient[self.order] = on_positives
        if on_negatives is not None:
            gradient[self.reach] = on_negatives
        return (gradient / len(self.positives)).view_as(like)


def detection_ranks(
    logits: Float[Tensor, "*anchor"],
    is_positive: Bool[Tensor, "*anchor"],
    delta: float,
    self_weight: float = 1.0,
) -> DetectionRanks:
    """Rank the positives of one mini-batch, all anchors, classes and images in one list.

    A positive adds `self_weight` to its own rank: 1 in AP-loss and aLRP, H(0) = 1/2 in Rank & Sort.
    """
    flat, mask = logits.detach().flatten(), is_positive.flatten()
    chosen = mask.nonzero().squeeze(1)
    positives, order = flat[chosen].double().sort()
    in_reach = ~mask if len(chosen) == 0 else ~mask & (flat > positives[0] - delta)
    reach = in_reach.nonzero().squeeze(1)
    negatives, by_logit = flat[reach].sort()
    negatives = negatives.double()
    return DetectionRanks(
        positives=positives,
        negatives=negatives,
        order=chosen[order],
        reach=reach[by_logit],
        among_positives=ramp_sums(positives, positives, delta) + (self_weight - 0.5),
        false_positives=ramp_sums(positives, negatives, delta),
        delta=delta,
    )


def with_gradient(value: Tensor, logits: Tensor, gradient: Tensor) -> Tensor:
    """Return `value`, whose derivative in `logits` is declared to be `gradient`."""
    result: Tensor = _Assigned.apply(logits, value, gradient)
    return result


def check_logits(logits: Tensor, targets: Tensor, delta: float) -> Tensor:
    """Return the logits in at least single precision, after checking the arguments.

    Raises:
        UsageError: the shapes differ, or `delta` is not positive.
        DataError: a logit is NaN: sorting would rank it above or below all others in silence.
    """
    if logits.shape != targets.shape:
        message = f"logits {tuple(logits.shape)} and targets {tuple(targets.shape)} differ in shape"
        raise UsageError(message, "give one target per logit")
    if not delta > 0:
        raise UsageError(f"delta is {delta}", "the half-width of the ramp must be positive")
    check_numbers(logits=logits)
    return logits if logits.dtype == torch.float64 else logits.float()


class _Assigned(torch.autograd.Function):
    """An error-driven update: the gradient is chosen by the method, not derived from the value."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, value: Tensor, gradient: Tensor) -> Tensor:
        ctx.save_for_backward(gradient.to(logits.dtype))
        return value.to(logits.dtype)

    @staticmethod
    def backward(ctx: Any, *incoming: Tensor) -> tuple[Tensor, None, None]:
        (gradient,) = ctx.saved_tensors
        return incoming[0] * gradient, None, None
