"""One sweep over query chunks: the mean of a row loss and its gradient, no N x N graph kept.

A rank loss is a weighted sum over queries, `L = sum_q w_q f(s_q)`, with `s_q` one row of
`queries @ gallery.T`. So a chunk of rows is scored, `f` is evaluated and differentiated there and
then, `d L / d s_q` is folded into the gradients of both matrices, and the chunk is dropped.
Backward only scales what the sweep left.
"""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.autograd.function import once_differentiable

RowLoss = Callable[[Tensor, slice], Tensor]  # (scores of some queries, which) -> loss per query


def sweep(
    queries: Float[Tensor, "query dim"],
    gallery: Float[Tensor, "gallery dim"] | None,
    row_loss: RowLoss,
    weights: Float[Tensor, " query"],
    hidden: Int[Tensor, " query"] | None,
    chunk: int,
) -> Float[Tensor, ""]:
    """Return `sum_q weights_q row_loss(scores_q)`; without a gallery the queries rank each other.

    `hidden` names one gallery column per query that is no item of its ranking (-1: none).
    """
    loss: Tensor = _Sweep.apply(queries, gallery, row_loss, weights, hidden, chunk)
    return loss


def score_chunks(
    queries: Float[Tensor, "query dim"],
    gallery: Float[Tensor, "gallery dim"],
    hidden: Int[Tensor, " query"] | None,
    chunk: int,
) -> Iterator[tuple[slice, Float[Tensor, "some gallery"]]]:
    """Yield the rows of `queries @ gallery.T`, `-inf` in the hidden columns, chunk by chunk."""
    for start in range(0, len(queries), chunk):
        rows = slice(start, min(start + chunk, len(queries)))
        scores = queries[rows] @ gallery.T
        if hidden is not None:
            present = (hidden[rows] >= 0).nonzero()[:, 0]
            scores[present, hidden[rows][present]] = -torch.inf
        yield rows, scores


class _Sweep(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        queries: Tensor,
        gallery: Tensor | None,
        row_loss: RowLoss,
        weights: Tensor,
        hidden: Tensor | None,
        chunk: int,
    ) -> Tensor:
        others = queries if gallery is None else gallery
        wanted = ctx.needs_input_grad[0] or ctx.needs_input_grad[1]
        of_queries = torch.zeros_like(queries) if wanted else None
        of_gallery = of_queries if gallery is None else torch.zeros_like(others)
        total = queries.new_zeros(())
        for rows, scores in score_chunks(queries, others, hidden, chunk):
            value, gradient = _value_and_gradient(row_loss, scores, rows, weights[rows], wanted)
            total += value
            if gradient is not None and of_queries is not None and of_gallery is not None:
                of_queries[rows].addmm_(gradient, others)
                of_gallery.addmm_(gradient.T, queries[rows])
        ctx.save_for_backward(of_queries, None if gallery is None else of_gallery)
        return total

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        of_queries, of_gallery = ctx.saved_tensors
        scaled = [None if g is None else g * upstream for g in (of_queries, of_gallery)]
        return scaled[0], scaled[1], None, None, None, None


def _value_and_gradient(
    row_loss: RowLoss, scores: Tensor, rows: slice, weights: Tensor, wanted: bool
) -> tuple[Tensor, Tensor | None]:
    if not wanted:
        return weights @ row_loss(scores, rows), None
    with torch.enable_grad():
        scores.requires_grad_()
        value = weights @ row_loss(scores, rows)
        (gradient,) = torch.autograd.grad(value, scores)
    return value.detach(), gradient
