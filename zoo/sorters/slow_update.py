"""Keeping a learned sorter close to the scores it really meets."""

import torch
from torch import Tensor

from zoo.errors import UsageError
from zoo.sorters.exact import exact_ranks
from zoo.sorters.sorter import Sorter


class SlowUpdate:
    """Fine-tunes a frozen sorter, now and then, on score vectors that a loss sent through it.

    `remember` keeps up to `capacity` of the latest vectors; `update` takes one Adam step of L1
    rank error on each kept batch and forgets them. Between updates the sorter stays frozen.
    """

    def __init__(self, sorter: Sorter, *, rate: float = 1e-5, capacity: int = 1024) -> None:
        learned = list(sorter.parameters())
        if not learned:
            raise UsageError(f"{type(sorter).__name__} has no weights to update", "leave it frozen")
        self.sorter = sorter
        self.capacity = capacity
        self._optimiser = torch.optim.Adam(learned, lr=rate)
        self._kept: list[Tensor] = []

    def remember(self, scores: Tensor) -> None:
        """Keep a batch of score vectors, dropping the oldest batches beyond the capacity."""
        self._kept.append(scores.detach().clone())
        while len(self._kept) > 1 and sum(map(len, self._kept)) > self.capacity:
            del self._kept[0]

    def update(self) -> float:
        """Step once per kept batch; return the mean L1 error seen, 0 when nothing is kept."""
        self.sorter.requires_grad_(True)
        errors = [self._step(scores) for scores in self._kept]
        self.sorter.requires_grad_(False)
        self._kept.clear()
        return sum(errors) / max(1, len(errors))

    def _step(self, scores: Tensor) -> float:
        self._optimiser.zero_grad()
        with torch.enable_grad():
            error = (self.sorter(scores) - exact_ranks(scores)).abs().mean()
            error.backward()
        self._optimiser.step()
        return float(error.detach())
