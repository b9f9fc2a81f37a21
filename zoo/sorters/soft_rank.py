"""Soft ranks by projection onto the permutahedron (Blondel et al., ICML 2020).

The projection is an isotonic regression of the sorted values. Which values pool into a block is
found by pool-adjacent-violators on the host, O(length) a row after the sort; given the blocks,
the ranks are a few sums over them, and autograd through those sums is the exact gradient.
"""

import math
from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from zoo.errors import UsageError
from zoo.ranking.numbers import check_finite_numbers
from zoo.sorters.sorter import Sorter

REGULARISERS = ("l2", "kl")

# A block of pooled values is two numbers, which merging adds: (sum, count) for l2, where its
# value is their ratio; log-sums of exp(value) and of the weights for kl, their difference.
Block = tuple[float, float]


def soft_ranks(
    values: Float[Tensor, "batch length"], strength: float = 1.0, regulariser: str = "l2"
) -> Float[Tensor, "batch length"]:
    """Return ascending soft ranks: the largest value gets about `length`, the smallest about 1.

    A `strength` near 0 gives exact ranks and no gradient; a large one draws all ranks together.

    Raises:
        DataError: a value is not finite.

    >>> soft_ranks(torch.tensor([[2.9, 0.1, 1.2]]), strength=2.0)
    tensor([[2.7500, 1.3500, 1.9000]])
    """
    check_finite_numbers(values=values)
    ordered, order = (values / strength).sort(dim=1, descending=True)
    weights = torch.arange(values.shape[1], 0, -1, dtype=values.dtype, device=values.device)
    projected = (
        _project_l2(ordered, weights) if regulariser == "l2" else _project_kl(ordered, weights)
    )
    return projected.gather(1, order.argsort(1))


def _project_l2(ordered: Tensor, weights: Tensor) -> Tensor:
    gaps = ordered - weights
    blocks = _pool([[(gap, 1.0) for gap in row] for row in gaps.tolist()], _merge_sums, _ratio)
    index = torch.tensor(blocks, device=ordered.device)
    sums = torch.zeros_like(gaps).scatter_add(1, index, gaps)
    counts = torch.zeros_like(gaps).scatter_add(1, index, torch.ones_like(gaps))
    return ordered - (sums / counts.clamp_min(1)).gather(1, index)


def _project_kl(ordered: Tensor, weights: Tensor) -> Tensor:
    logs = weights.log().tolist()
    rows = [list(zip(row, logs, strict=True)) for row in ordered.tolist()]
    index = torch.tensor(_pool(rows, _merge_logs, _difference), device=ordered.device)
    pooled = _logsumexp(ordered, index) - _logsumexp(weights.log().expand_as(ordered), index)
    return torch.exp(ordered - pooled)


def _logsumexp(values: Tensor, index: Int[Tensor, "batch length"]) -> Tensor:
    """Return, at each place, the log of the sum of exp(values) over its block."""
    top = torch.full_like(values, -math.inf)
    top = top.scatter_reduce(1, index, values.detach(), "amax").gather(1, index)
    sums = torch.zeros_like(values).scatter_add(1, index, torch.exp(values - top))
    return top + sums.gather(1, index).log()


def _pool(
    rows: list[list[Block]], merge: Callable[[Block, Block], Block], value: Callable[[Block], float]
) -> list[list[int]]:
    """Pool adjacent values of each row until they do not increase; return each place's block."""
    return [_pool_row(row, merge, value) for row in rows]


def _pool_row(
    row: list[Block], merge: Callable[[Block, Block], Block], value: Callable[[Block], float]
) -> list[int]:
    stack: list[tuple[Block, float, int]] = []  # block, its value, its size
    for single in row:
        block, size = single, 1
        while stack and stack[-1][1] < value(block):
            before, _, length = stack.pop()
            block, size = merge(before, block), size + length
        stack.append((block, value(block), size))
    return [number for number, (_, _, size) in enumerate(stack) for _ in range(size)]


def _merge_sums(one: Block, other: Block) -> Block:
    return one[0] + other[0], one[1] + other[1]


def _merge_logs(one: Block, other: Block) -> Block:
    return _logaddexp(one[0], other[0]), _logaddexp(one[1], other[1])


def _logaddexp(one: float, other: float) -> float:
    high, low = max(one, other), min(one, other)
    return high + math.log1p(math.exp(low - high))


def _ratio(block: Block) -> float:
    return block[0] / block[1]


def _difference(block: Block) -> float:
    return block[0] - block[1]


class SoftRankSorter(Sorter):
    """Descending soft ranks over the length, behind the interface of the learned sorters."""

    def __init__(self, regulariser: str = "l2", strength: float = 0.1) -> None:
        super().__init__()
        if regulariser not in REGULARISERS:
            raise UsageError(f"regulariser is {regulariser!r}", "allowed: l2, kl")
        if not (math.isfinite(strength) and strength > 0):
            raise UsageError(f"strength is {strength!r}", "give a finite number above 0")
        self.regulariser = regulariser
        self.strength = strength

    def ranks(self, scores: Float[Tensor, "batch length"]) -> Float[Tensor, "batch length"]:
        """Rank rows of any length."""
        return soft_ranks(-scores, self.strength, self.regulariser) / scores.shape[1]
