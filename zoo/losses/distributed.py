"""Losses over the batch of all processes, exact: the gradient of one process on the whole batch.

With W processes, local embeddings V_r = f(X_r; w) and the loss L of the concatenated batch, every
process returns L and its backward leaves `W dL/dV_r` in V_r. DistributedDataParallel averages over
processes, so the parameters receive

    (1/W) sum_r (dV_r/dw)^T (W dL/dV_r) = dL/dw

A loop that sums parameters' gradients itself (zoo/training) needs no W: it gathers the others'
rows as constants, `gathered`, and keeps its own with their gradient.
"""

from typing import Any

import torch
from torch import Tensor, distributed, nn
from torch.autograd.function import once_differentiable

from zoo.losses.embedding_loss import Ranked, checked_inputs, full_precision
from zoo.losses.rank_loss import RankLoss


class AcrossProcesses(nn.Module):
    """Wraps any embedding loss of one batch; without `torch.distributed`, W is 1.

    Embeddings are gathered with their gradient. A loss that is a sum over queries ranks only the
    local ones against everything, so that the work is shared; any other loss sees the whole batch
    on every process. Processes may hold batches of different sizes.
    """

    def __init__(self, loss: nn.Module) -> None:
        super().__init__()
        self.loss = loss

    def forward(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        """Return the loss of all processes' batches together, the same on each."""
        checked_inputs(embeddings, labels)
        sizes = _sizes(embeddings)
        everyone: Tensor = _Gather.apply(embeddings, sizes)
        everyones_labels = torch.cat(gathered(labels, sizes))
        if not (isinstance(self.loss, RankLoss) and self.loss.decomposes):
            whole: Tensor = self.loss(everyone, everyones_labels)
            return whole
        with torch.autocast(embeddings.device.type, enabled=False):
            own = torch.arange(len(labels), device=labels.device) + sum(sizes[: _rank()])
            queries, gallery = full_precision(embeddings), full_precision(everyone)
            batch = Ranked(queries, labels, gallery, everyones_labels, own)
            share = len(sizes) * self.loss.mean_over(batch, _summed)
        return share + (_summed(share.detach()) / len(sizes) - share.detach())


class _Gather(torch.autograd.Function):
    """All processes' rows; backward adds up what every process sends to mine."""

    @staticmethod
    def forward(ctx: Any, mine: Tensor, sizes: list[int]) -> Tensor:
        ctx.sizes = sizes
        return torch.cat(gathered(mine, sizes))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor, None]:
        start = sum(ctx.sizes[: _rank()])
        return _summed(upstream.contiguous())[start : start + ctx.sizes[_rank()]], None


def _rank() -> int:
    return distributed.get_rank() if distributed.is_initialized() else 0


def _summed(value: Tensor) -> Tensor:
    """Return the sum over processes."""
    total = value.clone()
    if distributed.is_initialized():
        distributed.all_reduce(total)
    return total


def _sizes(embeddings: Tensor) -> list[int]:
    """Return how many rows each process holds."""
    if not distributed.is_initialized():
        return [len(embeddings)]
    mine = torch.tensor([len(embeddings)], device=embeddings.device)
    sizes = [torch.empty_like(mine) for _ in range(distributed.get_world_size())]
    distributed.all_gather(sizes, mine)
    return [int(size) for size in sizes]


def gathered(mine: Tensor, sizes: list[int]) -> list[Tensor]:
    """Return every process's rows, `sizes` of them, in the order of ranks: constants to autograd.

    Collectives want equal shapes, so short ones are padded on the way.
    """
    if not distributed.is_initialized():
        return [mine.detach()]
    padded = mine.new_zeros(max(sizes), *mine.shape[1:])
    padded[: len(mine)] = mine.detach()
    parts = [torch.empty_like(padded) for _ in sizes]
    distributed.all_gather(parts, padded)
    return [part[:size] for part, size in zip(parts, sizes, strict=True)]
