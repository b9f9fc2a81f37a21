"""One sweep over query chunks: the mean of a row loss and its gradient, no N x N graph kept.

A rank loss is a weighted sum over queries, `L = sum_q w_q f(s_q)`, with `s_q` one row of
`queries @ gallery.T`. So a chunk of rows is scored, `f` is evaluated and differentiated there and
then, `d L / d s_q` is folded into the gradients of both matrices, and the chunk is dropped.
Backward only scales what the sweep left.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.autograd.function import once_differentiable

from zoo.ranking.compilation import fused
from zoo.ranking.positives import PerQuery

# Scores differentiated at once on a CPU: 2 M float32 are 8 MB, little enough to be reused by the
# allocator (a page touched for the first time costs more than the sums on it) and to stay in cache.
CACHED = 2_000_000
# On a GPU: at least enough for a launch to keep every core busy, at most this share of its memory.
LAUNCHED = 2**22
MEMORY_SHARE = 64

Panel = tuple[slice, Tensor]  # which queries, and their scores
RowLoss = Callable[[Tensor, slice], Tensor]  # (scores of some queries, which) -> loss per query


def sweep(
    queries: Float[Tensor, "query dim"],
    gallery: Float[Tensor, "gallery dim"] | None,
    row_loss: RowLoss,
    weights: PerQuery,
    panels: Iterable[Panel],
) -> Float[Tensor, ""]:
    """Return `sum_q weights_q row_loss(scores_q)`; without a gallery the queries rank each other.

    `panels` hold the scores of these very vectors, and are overwritten.
    """
    loss: Tensor = _Sweep.apply(queries, gallery, row_loss, weights, panels)
    return loss


@dataclass(frozen=True)
class Panels:
    """The rows of `queries @ gallery.T`, `chunk` at a time, multiplied as they are met.

    `hidden` names one gallery column per query that is no item of its ranking (-1: none): it is
    scored `-inf`.
    """

    queries: Float[Tensor, "query dim"]
    gallery: Float[Tensor, "gallery dim"]
    hidden: Int[Tensor, " query"] | None
    chunk: int

    def __iter__(self) -> Iterator[Panel]:
        for start in range(0, len(self.queries), self.chunk):
            rows = slice(start, min(start + self.chunk, len(self.queries)))
            scores = self.queries[rows] @ self.gallery.T
            if self.hidden is not None:
                present = (self.hidden[rows] >= 0).nonzero()[:, 0]
                scores[present, self.hidden[rows][present]] = -torch.inf
            yield rows, scores


class _Sweep(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        queries: Tensor,
        gallery: Tensor | None,
        row_loss: RowLoss,
        weights: Tensor,
        panels: Iterable[Panel],
    ) -> Tensor:
        others = queries if gallery is None else gallery
        wanted = ctx.needs_input_grad[0] or ctx.needs_input_grad[1]
        of_queries = torch.zeros_like(queries) if wanted else None
        of_gallery = of_queries if gallery is None or not wanted else torch.zeros_like(others)
        total = queries.new_zeros(())
        for rows, panel in panels:
            total += _differentiate(panel, rows, row_loss, weights, wanted)
            if of_queries is None or of_gallery is None:
                continue
            if len(panel) == len(others) and gallery is None:
                _add_products_of_square(of_queries, panel, others)
            else:
                of_gallery.addmm_(panel.T, queries[rows])
                of_queries[rows].addmm_(panel, others)
        ctx.save_for_backward(of_queries, None if gallery is None else of_gallery)
        return total

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        scaled = [None if g is None else g * upstream for g in ctx.saved_tensors]
        return scaled[0], scaled[1], None, None, None


def _differentiate(
    panel: Tensor, rows: slice, row_loss: RowLoss, weights: Tensor, wanted: bool
) -> Tensor:
    """Return the weighted loss of a panel of scores; put its gradient where the scores were.

    A few rows at a time, so that what a row loss computes stays in cache.
    """
    total = panel.new_zeros(())
    height = max(1, scores_at_once(panel.device) // panel.shape[1])
    for start in range(0, len(panel), height):
        scores = panel[start : start + height]
        part = slice(rows.start + start, rows.start + start + len(scores))
        if not wanted:
            total += weights[part] @ row_loss(scores, part)
            continue
        with torch.enable_grad():
            leaf = scores.detach().requires_grad_()
            value = weights[part] @ row_loss(leaf, part)
            (gradient,) = torch.autograd.grad(value, leaf)
        total += value.detach()
        scores.copy_(gradient)
    return total


@cache
def scores_at_once(device: torch.device) -> int:
    """Return how many scores to differentiate at once, by the device's cache and memory.

    On CUDA the float32 scores and their gradient (8 bytes) fill the L2 cache; chosen by reckoning,
    `just gpu` measures it.
    """
    if device.type == "cpu":
        return CACHED
    if device.type != "cuda":
        return LAUNCHED
    card = torch.cuda.get_device_properties(device)
    most = card.total_memory // (MEMORY_SHARE * 4)
    return int(min(max(LAUNCHED, card.L2_cache_size // 8), most))


def _add_products_of_square(
    total: Tensor, square: Tensor, vectors: Tensor, height: int = 512
) -> None:
    """Add `(G + G.T) @ vectors`: one product where `G @ V + G.T @ V` would be two.

    Some rows at a time, so that the sum is read while it is in cache. It pays compiled only: adding
    a transposed matrix takes 0.03 s at 4096 items and a product 0.08 s, but uncompiled 0.14 s.
    """
    plus_transpose = fused(_plus_transpose, len(square), square.device)
    if plus_transpose is _plus_transpose:
        total.addmm_(square, vectors).addmm_(square.T, vectors)
        return
    for start in range(0, len(square), height):
        rows = slice(start, start + height)
        total[rows].addmm_(plus_transpose(square[rows], square[:, rows]), vectors)


def _plus_transpose(rows: Tensor, columns: Tensor) -> Tensor:
    return rows + columns.T
