"""Our sorter: exact ranks, and the best linear answer to "how would they change?" as gradient.

For perturbations d ~ N(0, s²) of scores y, the linear predictor of rank(y + d) - rank(y) with the
least squared error is E[rank(y + d) dᵀ] / s². By Stein's identity that matrix is the Jacobian of
the smoothed rank E[rank(y + d)], whose entries are known in closed form:

    E[rank_i(y + d)] = 1 + sum_{j != i} Phi((y_j - y_i) / h),   h = sqrt(2) s,

so no sorter, learned or not, has a Jacobian that predicts more of the true rank change.
"""

import math
from collections.abc import Iterator
from typing import Any, cast

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

from zoo.errors import UsageError
from zoo.sorters.exact import exact_ranks
from zoo.sorters.pairwise import deviation
from zoo.sorters.sorter import Sorter

_PAIRS_AT_ONCE = 1 << 22  # 16 MB a float32 copy: what one step of the backward pass holds


class GaussianSorter(Sorter):
    """Exact ranks forward, the Gaussian-smoothed rank's Jacobian backward.

    `resolution` is the size of the score changes the gradient should answer for, as a share of
    each row's standard deviation: small for fine reordering, large to pull far-off scores.
    Any length from 2 on; permutation-equivariant (tied scores share their mean rank); memory
    grows with the length, not its square.
    """

    resolution: Tensor

    def __init__(self, resolution: float = 0.1) -> None:
        super().__init__()
        if not (math.isfinite(resolution) and resolution > 0):
            raise UsageError(f"resolution {resolution} is not a size", "give a number above 0")
        self.register_buffer("resolution", torch.tensor(resolution))

    def ranks(self, scores: Float[Tensor, "batch length"]) -> Float[Tensor, "batch length"]:
        """Rank rows of any length."""
        bandwidth = math.sqrt(2) * self.resolution.to(scores.dtype) * deviation(scores)
        return torch.as_tensor(_GaussianRanks.apply(scores, bandwidth))


class _GaussianRanks(torch.autograd.Function):
    """The pair of a hard forward and a smooth Jacobian, which is symmetric: vjp and jvp agree."""

    @staticmethod
    def forward(scores: Tensor, bandwidth: Tensor) -> Tensor:  # noqa: ARG004
        return exact_ranks(scores)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:  # noqa: ARG004
        ctx.save_for_backward(*inputs)
        ctx.save_for_forward(*inputs)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        scores, bandwidth = cast(tuple[Tensor, Tensor], ctx.saved_tensors)
        return smoothed_jacobian_product(scores, bandwidth, gradient), None

    @staticmethod
    def jvp(ctx: Any, tangent: Tensor, _: Tensor | None) -> Tensor:
        scores, bandwidth = cast(tuple[Tensor, Tensor], ctx.saved_tensors)
        return smoothed_jacobian_product(scores, bandwidth, tangent)


def smoothed_jacobian_product(
    scores: Float[Tensor, "batch length"],
    bandwidth: Float[Tensor, "batch 1"],
    vector: Float[Tensor, "batch length"],
) -> Float[Tensor, "batch length"]:
    """Multiply a vector by the Jacobian of E[rank(y + d)] / L: sum_j K_ij (v_j - v_i) / (h L).

    K is the standard normal density of (y_j - y_i) / h. Made in slices of items, so that memory
    stays at a few `_PAIRS_AT_ONCE` numbers.
    """
    scaled = scores / bandwidth
    slices = [_slice(scaled, vector, rows) for rows in _rows(*scores.shape)]
    return torch.cat(slices, 1) / (bandwidth * scores.shape[1] * math.sqrt(2 * math.pi))


def _slice(scaled: Tensor, vector: Tensor, rows: slice) -> Tensor:
    distance = scaled[:, rows].unsqueeze(2) - scaled.unsqueeze(1)  # (batch, item of slice, rival)
    kernel = distance.square_().mul_(-0.5).exp_()
    pulled = (kernel @ vector.unsqueeze(2)).squeeze(2)
    return pulled - kernel.sum(2) * vector[:, rows]


def _rows(batch: int, length: int) -> Iterator[slice]:
    step = max(1, _PAIRS_AT_ONCE // max(1, batch * length))
    for start in range(0, length, step):
        yield slice(start, start + step)
