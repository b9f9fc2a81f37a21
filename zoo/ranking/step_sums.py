"""The fused kernel every sigmoid and three-piece loss shares: sums of a step over the gallery.

A sigmoid of `(r_j - s_k) / tau` needs `odds = exp((s_k - r_j) / tau)`, a product of one factor per
column and one per item. So a row costs one exponential per column however many items it ranks,
and what is left per (item, column) is a multiplication and a division. The factors are halved in
the exponent and their product is squared, which keeps 120 tau between the best and worst item of
a row within float32; rows wider than that get their own column factors item by item.
"""

import math
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

from zoo.ranking.compilation import fused
from zoo.ranking.positives import Items
from zoo.ranking.steps import Step

# Half exponents: factors stay within exp(-50) .. exp(55), their product within exp(+-20). Beyond,
# a sigmoid is 0 or 1 to 4e-18, and its slope is left at that rather than fall to the denormal
# numbers, on which a processor (and the matrix product that follows) is 10 to 100 times slower.
LOW, HIGH, FAR = -50.0, 55.0, math.exp(20.0)
WIDEST = 120


def step_sums(
    scores: Float[Tensor, "query gallery"],
    rivals: Float[Tensor, "query gallery"],
    items: Items,
    step: Step,
) -> tuple[Float[Tensor, "query item"], Float[Tensor, "query item"]]:
    """Return `sum_j step(rivals_j - s_k)` for each ranked item k, and `s_k`, the item's own score.

    `rivals` is `scores` with `-inf` where a column does not count; both outputs are
    differentiable with respect to `scores`, through either side of the gap. Padding reads
    `s_k = inf` and sums to 0.
    """
    sums, own = _StepSums.apply(scores, rivals, items, step)
    return sums, own


def without_items(
    scores: Float[Tensor, "query gallery"], items: Items
) -> Float[Tensor, "query gallery"]:
    """Return the scores with the listed items taken out of the ranking."""
    return scores.detach().scatter(1, items.columns, -torch.inf)


class _StepSums(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, scores: Tensor, rivals: Tensor, items: Items, step: Step
    ) -> tuple[Tensor, Tensor]:
        own = scores.gather(1, items.columns).masked_fill_(~items.listed, torch.inf)
        factors = _Factors(rivals, own, items, step.tau)
        kernel = fused(item_sums, rivals.shape[1], rivals.device)
        sums, slopes = torch.empty_like(own), torch.empty_like(own)
        for k in range(own.shape[1]):
            columns, item = factors.of(k)
            sums[:, k], slopes[:, k] = kernel(rivals, own[:, k : k + 1], columns, item, step)
        ctx.save_for_backward(rivals, own, slopes)
        ctx.items, ctx.step, ctx.factors = items, step, factors
        return sums, own

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, of_sums: Tensor, of_own: Tensor) -> tuple[Tensor, None, None, None]:
        rivals, own, slopes = ctx.saved_tensors
        kernel = fused(add_item_pull, rivals.shape[1], rivals.device)
        gradient = torch.zeros_like(rivals)
        for k in range(own.shape[1]):
            columns, item = ctx.factors.of(k)
            weight, score = of_sums[:, k : k + 1], own[:, k : k + 1]
            kernel(gradient, weight, rivals, score, columns, item, ctx.step)
        of_items = (of_own - of_sums * slopes).masked_fill_(~ctx.items.listed, 0)
        return gradient.scatter_add_(1, ctx.items.columns, of_items), None, None, None


class _Factors:
    """The square roots of `exp((centre - r_j) / tau)` and `exp((s_k - centre) / tau)`."""

    def __init__(self, rivals: Tensor, own: Tensor, items: Items, tau: float | int) -> None:
        best = own.masked_fill(~items.listed, -torch.inf).amax(dim=1, keepdim=True)
        worst = own.amin(dim=1, keepdim=True)
        self.rivals, self.own, self.half = rivals, own, 0.5 / tau
        self.shared = None
        if not bool(((best - worst) > WIDEST * tau).any()):
            centre = ((best + worst) / 2).nan_to_num(0)  # rows without an item
            self.shared = self._columns(centre)
            self.items = ((own - centre) * self.half).exp_()

    def of(self, k: int) -> tuple[Tensor, Tensor]:
        """Return the column factors and the item factor of item k."""
        if self.shared is not None:
            return self.shared, self.items[:, k : k + 1]
        centre = self.own[:, k : k + 1]
        return self._columns(centre), torch.ones_like(centre)

    def _columns(self, centre: Tensor) -> Tensor:
        return (centre - self.rivals).mul_(self.half).clamp_(LOW, HIGH).exp_()


def item_sums(
    rivals: Float[Tensor, "query gallery"],
    own: Float[Tensor, "query 1"],
    columns: Float[Tensor, "query gallery"],
    item: Float[Tensor, "query 1"],
    step: Step,
) -> tuple[Float[Tensor, " query"], Float[Tensor, " query"]]:
    """Return the sums over the gallery of the step and of its derivative, for one item a row."""
    value, slope = step.value_and_slope(rivals - own, _odds(columns, item))
    return value.sum(dim=1), slope.sum(dim=1)


def add_item_pull(
    gradient: Float[Tensor, "query gallery"],
    weight: Float[Tensor, "query 1"],
    rivals: Float[Tensor, "query gallery"],
    own: Float[Tensor, "query 1"],
    columns: Float[Tensor, "query gallery"],
    item: Float[Tensor, "query 1"],
    step: Step,
) -> None:
    """Add `weight step'(r_j - s_k)`, what one item sends to each column, to the gradient."""
    slope = step.value_and_slope(rivals - own, _odds(columns, item))[1]
    gradient.addcmul_(weight, slope)


def _odds(columns: Tensor, item: Tensor) -> Tensor:
    return (columns * item).clamp(1 / FAR, FAR).square()
