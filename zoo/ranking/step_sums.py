"""The fused kernel every sigmoid and three-piece loss shares: sums of a step over the gallery."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

from zoo.ranking.positives import Items
from zoo.ranking.steps import Step

# Elements of one (query, item, gallery) block: 2 M float32 are 8 MB, a core's share of the cache.
BLOCK = 2_000_000


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
        sums, slopes = sum_over_rivals(rivals, own, step)
        ctx.save_for_backward(rivals, own, slopes)
        ctx.items, ctx.step = items, step
        return sums, own

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, of_sums: Tensor, of_own: Tensor) -> tuple[Tensor, None, None, None]:
        rivals, own, slopes = ctx.saved_tensors
        gradient = pull_of_rivals(rivals, own, of_sums, ctx.step)
        of_items = (of_own - of_sums * slopes).masked_fill_(~ctx.items.listed, 0)
        return gradient.scatter_add_(1, ctx.items.columns, of_items), None, None, None


def sum_over_rivals(
    rivals: Float[Tensor, "query gallery"], own: Float[Tensor, "query item"], step: Step
) -> tuple[Float[Tensor, "query item"], Float[Tensor, "query item"]]:
    """Return the sums over the gallery of the step and of its derivative."""
    sums, slopes = torch.empty_like(own), torch.empty_like(own)
    for block in blocks(rivals, own):
        gap = rivals[:, None, :] - own[:, block, None]
        sums[:, block] = step.value(gap).sum(dim=-1)
        slopes[:, block] = step.slope(gap).sum(dim=-1)
    return sums, slopes


def pull_of_rivals(
    rivals: Float[Tensor, "query gallery"],
    own: Float[Tensor, "query item"],
    weight: Float[Tensor, "query item"],
    step: Step,
) -> Float[Tensor, "query gallery"]:
    """Return `sum_k weight_k step'(rivals_j - s_k)`: the gradient that reaches each column."""
    pull = torch.zeros_like(rivals)
    for block in blocks(rivals, own):
        gap = rivals[:, None, :] - own[:, block, None]
        pull += torch.einsum("qk,qkj->qj", weight[:, block], step.slope(gap))
    return pull


def blocks(rivals: Tensor, own: Tensor) -> list[slice]:
    """Cut the items so that one (query, item, gallery) block holds about `BLOCK` elements."""
    width = max(1, BLOCK // max(1, rivals.numel()))
    return [slice(k, k + width) for k in range(0, own.shape[1], width)]
