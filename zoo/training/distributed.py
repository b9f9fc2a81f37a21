"""Several processes as one: started by torchrun, each embeds a slice of the global batch.

Every process ranks the whole batch: it gathers the others' embeddings as constants and keeps the
gradient of its own slice, which is exactly the slice of the whole gradient. Parameter gradients are
then summed. No loss needs to know, and a world of one is the same path.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass

import torch
import torch.distributed as dist
from jaxtyping import Float
from torch import Tensor, nn

from zoo.device import told
from zoo.errors import UsageError
from zoo.losses.distributed import gathered

# What torch asks for to find the other processes.
NEEDED = ("RANK", "MASTER_ADDR", "MASTER_PORT")


@dataclass(frozen=True)
class World:
    """This process's place among `size` processes."""

    rank: int = 0
    size: int = 1

    @property
    def leads(self) -> bool:
        """Whether this process writes files and reports."""
        return self.rank == 0

    def part(self, count: int) -> slice:
        """Return this process's slice of a global batch of `count` items.

        Raises:
            UsageError: `count` is not a multiple of the number of processes.
        """
        if count % self.size:
            raise UsageError(
                f"a batch of {count} cannot be shared by {self.size} processes",
                "choose a batch.size that is a multiple of it",
            )
        share = count // self.size
        return slice(self.rank * share, (self.rank + 1) * share)

    def gather(self, points: Float[Tensor, "share dim"]) -> Float[Tensor, "batch dim"]:
        """Return every process's embeddings in rank order; only our own carry a gradient."""
        if self.size == 1:
            return points
        parts = gathered(points, [len(points)] * self.size)
        parts[self.rank] = points
        return torch.cat(parts)

    def sum_gradients(self, parameters: Iterable[nn.Parameter], scale: float = 1.0) -> None:
        """Replace each gradient by the sum over the processes, times `scale`, in one message."""
        if self.size == 1:
            return
        held = [p.grad for p in parameters if p.grad is not None]
        if not held:
            return
        flat = torch.cat([gradient.flatten() for gradient in held])
        dist.all_reduce(flat)
        flat *= scale
        totals = torch.split(flat, [gradient.numel() for gradient in held])
        for gradient, total in zip(held, totals, strict=True):
            gradient.copy_(total.view_as(gradient))

    def share_buffers(self, module: nn.Module) -> None:
        """Give every process the first one's buffers (batch-norm statistics)."""
        if self.size > 1:
            for buffer in module.buffers():
                dist.broadcast(buffer, src=0)

    def any(self, raised: bool, device: torch.device) -> bool:
        """Whether the flag is raised in any process: all leave the loop at the same step."""
        if self.size == 1:
            return raised
        flag = torch.tensor(int(raised), device=device)
        dist.all_reduce(flag, op=dist.ReduceOp.MAX)
        return bool(flag)

    def wait(self) -> None:
        """Wait for the others."""
        if self.size > 1:
            dist.barrier()


def join_world(device: torch.device) -> World:
    """Join the processes that torchrun started; alone when it started none.

    Raises:
        UsageError: what the environment says of them is no number, or not all that is needed.
    """
    if told("WORLD_SIZE", 1) == 1:
        return World()
    if not dist.is_initialized():
        _check_meeting()
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    return World(dist.get_rank(), dist.get_world_size())


def _check_meeting() -> None:
    """Raise where a process was told of others, and not how to find them.

    Raises:
        UsageError: naming what is not set, or no number.
    """
    if missing := [name for name in NEEDED if not os.environ.get(name)]:
        raise UsageError(
            f"WORLD_SIZE is {os.environ['WORLD_SIZE']}, and {', '.join(missing)} not set",
            "start with torchrun, or unset WORLD_SIZE for one process",
        )
    told("RANK", 0)


def leave_world() -> None:
    """Leave the group of processes, if there is one."""
    if dist.is_initialized():
        dist.destroy_process_group()
