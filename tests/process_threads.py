"""Threads that are to each other what the processes of a training run are."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, local
from typing import Any

import torch
import torch.distributed
from torch import Tensor


class Group:
    """What `torch.distributed` is asked for, between threads that call in the same order."""

    ReduceOp = torch.distributed.ReduceOp

    def __init__(self, size: int) -> None:
        self.size, self.me = size, local()
        self.together, self.held = Barrier(size, timeout=60), [torch.empty(0)] * size

    def run(self, work: Callable[[int], Any]) -> list[Any]:
        """Return what `work` returns for each rank, in order."""

        def one(rank: int) -> Any:
            self.me.rank = rank
            return work(rank)

        with ThreadPoolExecutor(self.size) as threads:
            return list(threads.map(one, range(self.size)))

    def is_initialized(self) -> bool:
        return True

    def get_rank(self) -> int:
        return int(self.me.rank)

    def get_world_size(self) -> int:
        return self.size

    def all_gather(self, parts: list[Tensor], mine: Tensor) -> None:
        for part, value in zip(parts, self._exchanged(mine), strict=True):
            part.copy_(value)  # refuses another shape

    def all_reduce(self, total: Tensor, op: Any = ReduceOp.SUM) -> None:
        everyone = torch.stack(self._exchanged(total))
        found = everyone.sum(dim=0) if op == self.ReduceOp.SUM else everyone.amax(dim=0)
        total.copy_(found)

    def broadcast(self, value: Tensor, src: int) -> None:
        value.copy_(self._exchanged(value)[src])

    def barrier(self) -> None:
        self.together.wait()

    def _exchanged(self, mine: Tensor) -> list[Tensor]:
        self.held[self.get_rank()] = mine.clone()
        self.together.wait()
        everyone = list(self.held)
        self.together.wait()
        return everyone
