"""The fused kernel every sigmoid and three-piece loss shares: sums of a step over the gallery.

A row with m ranked items and N columns has m N gaps. They are never kept: the kernel computes a
block of gaps, their steps and the sums, and the backward pass computes them again. Compiled, a gap
lives in a register; eager, a block lives in the processor's second-level cache.
"""

import math
from collections.abc import Iterator
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

from zoo.ranking.compilation import fused
from zoo.ranking.positives import Items, Scores
from zoo.ranking.steps import FAR, HardStep, HingeStep, RampStep, Step, above

# Gaps computed at once. Eager, each operation reads and writes them: 200 k float32 are 0.8 MB.
# Compiled, they stay in registers: the bound is for a compiler that would rather store them.
EAGER, FUSED = 200_000, 16_000_000

# Exponents of 2 that a float32 root of the odds can take, and those of an item up to which every
# gap with a clamped root is one that counts as endless (steps.FAR) anyway.
ROOT, REACH = 126, 194
# Items a row from which two roots cost less than an exponential a gap.
FEW = 8

Roots = tuple[Tensor, Tensor]
Plain = RampStep | HingeStep


def step_sums(
    scores: Scores, rivals: Scores, items: Items, step: Step
) -> tuple[Float[Tensor, "query item"], Float[Tensor, "query item"]]:
    """Return `sum_j step(rivals_j - s_k)` for each ranked item k, and `s_k`, the item's own score.

    `rivals` is `scores` with `-inf` where a column does not count; both outputs are
    differentiable with respect to `scores`, through either side of the gap. Padding reads
    `s_k = inf` and sums to 0.
    """
    sums, own = _StepSums.apply(scores, rivals, items, step)
    return sums, own


def threshold_sums(
    scores: Scores, thresholds: Float[Tensor, " threshold"], step: Plain
) -> Float[Tensor, "query threshold"]:
    """Return `sum_j step(s_j - threshold)` for each of some fixed thresholds."""
    sums: Tensor = _ThresholdSums.apply(scores, thresholds, step)
    return sums


def without_items(scores: Scores, items: Items) -> Scores:
    """Return the scores with the listed items taken out of the ranking."""
    return scores.detach().scatter(1, items.columns, -torch.inf)


class _StepSums(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, scores: Tensor, rivals: Tensor, items: Items, step: Step
    ) -> tuple[Tensor, Tensor]:
        own = scores.gather(1, items.columns).masked_fill_(~items.listed, torch.inf)
        roots = roots_of_odds(rivals, own, step)
        sums, slopes = sums_and_slopes(rivals, own, step, roots)
        ctx.save_for_backward(rivals, own, slopes, *(roots or ()))
        ctx.items, ctx.step = items, step
        return sums, own

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, of_sums: Tensor, of_own: Tensor) -> tuple[Tensor, None, None, None]:
        rivals, own, slopes, *roots = ctx.saved_tensors
        gradient = weighted_slopes(rivals, own, of_sums, ctx.step, tuple(roots) or None)
        of_items = (of_own - of_sums * slopes).masked_fill_(~ctx.items.listed, 0)
        return gradient.scatter_add_(1, ctx.items.columns, of_items), None, None, None


class _ThresholdSums(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, scores: Tensor, thresholds: Tensor, step: Plain) -> Tensor:
        own = thresholds.expand(len(scores), -1)
        ctx.save_for_backward(scores, own)
        ctx.step = step
        return plain_sums(scores, own, step)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, of_sums: Tensor) -> tuple[Tensor, None, None]:
        scores, own = ctx.saved_tensors
        return weighted_slopes(scores, own, of_sums, ctx.step), None, None


def roots_of_odds(rivals: Tensor, own: Tensor, step: Step) -> Roots | None:
    """Return `u` and `w` with `exp(-(r_j - s_k) / tau) = (u_j w_k)^2`: an exponential an entry.

    Roots, so that products of similarities at `tau` 0.01 stay within float32. None where a step
    has no odds, the items are few, or scores over tau are too large, and on a GPU, where memory
    limits a kernel and exponentials do not.
    """
    tau = getattr(step, "tau", None)
    if tau is None or own.shape[1] < FEW or own.device.type != "cpu":
        return None
    rate = 1 / (2 * tau * math.log(2))
    if own.masked_fill(own.isinf(), 0).abs().amax() * rate > REACH / 2:
        return None
    return _root(rivals * -rate), _root(own * rate)


def _root(exponent: Tensor) -> Tensor:
    return exponent.clamp_(-ROOT, ROOT).exp2_()


def sums_and_slopes(
    rivals: Scores, own: Float[Tensor, "query item"], step: Step, roots: Roots | None
) -> tuple[Float[Tensor, "query item"], Float[Tensor, "query item"]]:
    """Return the sums over the gallery of the step and of its derivative, for each item."""
    kernel = fused(_sums_and_slopes, rivals.shape[1], rivals.device)
    sums, slopes = torch.empty_like(own), torch.empty_like(own)
    for rows, items in _blocks(rivals, own, kernel is _sums_and_slopes):
        part = roots and (roots[0][rows], roots[1][rows, items])
        sums[rows, items], slopes[rows, items] = kernel(rivals[rows], own[rows, items], step, part)
    return sums, slopes


def plain_sums(
    rivals: Scores, own: Float[Tensor, "query item"], step: Plain | HardStep
) -> Float[Tensor, "query item"]:
    """Return the sums of the step alone."""
    kernel = fused(_sums, rivals.shape[1], rivals.device)
    sums = torch.empty_like(own)
    for rows, items in _blocks(rivals, own, kernel is _sums):
        sums[rows, items] = kernel(rivals[rows], own[rows, items], step)
    return sums


def weighted_slopes(
    rivals: Scores,
    own: Float[Tensor, "query item"],
    weights: Float[Tensor, "query item"],
    step: Step | Plain,
    roots: Roots | None = None,
) -> Scores:
    """Return `sum_k weight_k step'(r_j - s_k)`: what a row's items send to each column."""
    kernel = fused(_weighted_slopes, rivals.shape[1], rivals.device)
    # Items down: the compiler vectorises along the axis that most arguments are contiguous in.
    own_down, weights_down = own.T.contiguous(), weights.T.contiguous()
    roots_down = roots and (roots[0], roots[1].T.contiguous())
    gradient = torch.empty_like(rivals)
    for rows, items in _blocks(rivals, own, kernel is _weighted_slopes):
        part = roots_down and (roots_down[0][rows], roots_down[1][items, rows])
        down = own_down[items, rows], weights_down[items, rows]
        found = kernel(rivals[rows], *down, step, part)
        if items.start:
            gradient[rows] += found
        else:
            gradient[rows] = found
    return gradient


def passed_by(
    scores: Scores, before: Float[Tensor, "query item"], after: Float[Tensor, "query item"]
) -> Scores:
    """Return how many items come to lie above each column as they move, less those that leave."""
    kernel = fused(_passed, scores.shape[1], scores.device)
    passed = torch.empty_like(scores)
    old, new = before.T.contiguous(), after.T.contiguous()
    for rows, items in _blocks(scores, before, kernel is _passed):
        found = kernel(scores[rows], old[items, rows], new[items, rows])
        passed[rows] = passed[rows].add_(found) if items.start else found
    return passed


def _sums_and_slopes(
    rivals: Tensor, own: Tensor, step: Step, roots: Roots | None
) -> tuple[Tensor, Tensor]:
    odds = roots and _odds(roots[0], roots[1])
    value, slope = step.value_and_slope(rivals[:, None, :] - own[:, :, None], odds)
    return value.sum(dim=-1), slope.sum(dim=-1)


def _sums(rivals: Tensor, own: Tensor, step: Plain | HardStep) -> Tensor:
    return step.value(rivals[:, None, :] - own[:, :, None]).sum(dim=-1)


def _weighted_slopes(
    rivals: Tensor, own: Tensor, weights: Tensor, step: Step | Plain, roots: Roots | None
) -> Tensor:
    gap = rivals[:, None, :] - own.T[:, :, None]
    if isinstance(step, RampStep | HingeStep) or roots is None:
        slope = step.slope(gap)
    else:
        slope = step.slope(gap, _odds(roots[0], roots[1].T))
    return slope.mul_(weights.T[:, :, None]).sum(dim=1)


def _odds(of_rivals: Tensor, of_items: Tensor) -> Tensor:
    root = of_rivals[:, None, :] * of_items[:, :, None]
    return root.clamp_(max=2 ** (FAR / 2)).square_()


def _passed(scores: Tensor, before: Tensor, after: Tensor) -> Tensor:
    columns = scores[:, None, :]
    now, earlier = after.T[:, :, None] - columns, before.T[:, :, None] - columns
    return above(now).sub_(above(earlier)).sum(dim=1)


def _blocks(rivals: Tensor, own: Tensor, eager: bool) -> Iterator[tuple[slice, slice]]:
    """Cut rows and items so that a block has about as many gaps as fit; whole rows first."""
    gaps, gallery = EAGER if eager else FUSED, max(1, rivals.shape[1])
    width = max(1, min(own.shape[1], gaps // gallery))
    height = max(1, gaps // (gallery * width))
    for row in range(0, len(own), height):
        for item in range(0, own.shape[1], width):
            yield slice(row, row + height), slice(item, item + width)
