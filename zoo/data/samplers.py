"""Which items form a batch: pure functions of (labels, seed, epoch), the same in every process."""

from collections.abc import Iterator
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Int64
from torch import Generator, Tensor

from zoo.errors import DataError

Labels = Int64[Tensor, " item"]
Batch = Int64[Tensor, " batch"]


@runtime_checkable
class Sampler(Protocol):
    """Yields the global batches of an epoch as item indices, each class's items side by side."""

    def length(self, epoch: int, /) -> int:
        """Return how many batches the epoch has."""
        ...

    def batches(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        """Yield the epoch's batches from number `start` on."""
        ...


class ClassIndex:
    """Items grouped by class in three flat tensors: cheap for a million classes.

    Only classes with two items or more are kept: others have no positive pair.
    """

    def __init__(self, labels: Labels) -> None:
        order = torch.argsort(labels, stable=True)
        classes, counts = torch.unique_consecutive(labels[order], return_counts=True)
        starts = counts.cumsum(0) - counts
        kept = counts >= 2
        self.items = order
        self.classes, self.counts, self.starts = classes[kept], counts[kept], starts[kept]

    def __len__(self) -> int:
        """Classes that can be drawn."""
        return len(self.classes)

    def draw(
        self,
        chosen: Int64[Tensor, " drawn"],
        per_class: int,
        generator: Generator,
        replace: bool = False,
    ) -> Batch:
        """Return `per_class` random items of each class, distinct where the class has enough.

        Floyd's algorithm, one vector operation per item of a class; a smaller class is walked
        round from a random item, so that each of its items appears, or drawn from with `replace`.
        """
        counts, starts = self.counts[chosen], self.starts[chosen]
        picks = torch.empty(len(chosen), per_class, dtype=torch.int64)
        first = _below(counts, generator)
        for j in range(per_class):
            last = (counts - per_class + j).clamp(min=0)
            pick = _below(last + 1, generator)
            taken = (picks[:, :j] == pick[:, None]).any(dim=1)
            fresh = torch.where(taken, last, pick)
            few = _below(counts, generator) if replace else (first + j) % counts
            picks[:, j] = torch.where(counts < per_class, few, fresh)
        return self.items[starts[:, None] + picks].flatten()


class PerClassSampler:
    """Classes drawn evenly, by permutations of all classes, `per_class` items of each.

    An epoch is as many batches as the items fill; the classes of a batch are distinct.
    """

    def __init__(self, labels: Labels, classes_per_batch: int, per_class: int, seed: int) -> None:
        self.index = ClassIndex(labels)
        self.classes_per_batch, self.per_class, self.seed = classes_per_batch, per_class, seed
        if len(self.index) < classes_per_batch:
            raise DataError(
                f"a batch needs {classes_per_batch} classes with two items, "
                f"the data has {len(self.index)}",
                "lower batch.size, raise batch.per_class, or add data",
            )
        items = int(self.index.counts.sum())
        self.count = max(1, items // (classes_per_batch * per_class))

    def length(self, _epoch: int, /) -> int:
        """Return how many batches the epoch has: the same in each."""
        return self.count

    def batches(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        """Yield the epoch's batches from number `start` on."""
        generator = torch.Generator().manual_seed(mixed_seed(self.seed, epoch))
        per_round = len(self.index) // self.classes_per_batch
        order = torch.empty(0, dtype=torch.int64)
        for number in range(self.count):
            place = number % per_round * self.classes_per_batch
            if place == 0:
                order = torch.randperm(len(self.index), generator=generator)
            chosen = order[place : place + self.classes_per_batch]
            batch = self.index.draw(chosen, self.per_class, generator)
            if number >= start:
                yield batch


class FreshSampler:
    """`count` batches an epoch, each from all classes anew (pytorch-metric-learning's m-per-class).

    A class with fewer than `per_class` items is drawn from with replacement.
    """

    def __init__(
        self, labels: Labels, classes_per_batch: int, per_class: int, seed: int, count: int = 1000
    ) -> None:
        self.index = ClassIndex(labels)
        self.classes_per_batch, self.per_class = classes_per_batch, per_class
        self.seed, self.count = seed, count
        if len(self.index) < classes_per_batch:
            raise DataError(
                f"a batch needs {classes_per_batch} classes with two items, "
                f"the data has {len(self.index)}",
                "lower batch.size, raise batch.per_class, or add data",
            )

    def length(self, _epoch: int, /) -> int:
        """Return how many batches the epoch has: the same in each."""
        return self.count

    def batches(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        """Yield the epoch's batches from number `start` on; each is a function of its number."""
        for number in range(start, self.count):
            generator = torch.Generator().manual_seed(mixed_seed(self.seed, epoch, number))
            chosen = torch.randperm(len(self.index), generator=generator)[: self.classes_per_batch]
            yield self.index.draw(chosen, self.per_class, generator, replace=True)


class ShuffledSampler:
    """Items in random order, whatever their class; an incomplete last batch is left out."""

    def __init__(self, count: int, size: int, seed: int) -> None:
        if count < size:
            raise DataError(f"a batch needs {size} items, the data has {count}")
        self.count, self.size, self.seed = count, size, seed

    def length(self, _epoch: int, /) -> int:
        """Return how many batches the epoch has: the same in each."""
        return self.count // self.size

    def batches(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        """Yield the epoch's batches from number `start` on."""
        generator = torch.Generator().manual_seed(mixed_seed(self.seed, epoch))
        order = torch.randperm(self.count, generator=generator)
        for number in range(start, self.length(epoch)):
            yield order[number * self.size : (number + 1) * self.size]


def mixed_seed(*parts: int) -> int:
    """Return one 63-bit seed for several numbers; near inputs give unrelated outputs.

    >>> mixed_seed(0, 1) == mixed_seed(1, 0)
    False
    """
    state = 0
    for part in parts:  # splitmix64's finaliser
        state = (state + part + 0x9E3779B97F4A7C15) & 0xFFFFFFFFFFFFFFFF
        state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & 0xFFFFFFFFFFFFFFFF
        state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & 0xFFFFFFFFFFFFFFFF
        state ^= state >> 31
    return state >> 1


def _below(limits: Int64[Tensor, " drawn"], generator: Generator) -> Int64[Tensor, " drawn"]:
    """Return one uniform integer in [0, limit) for each limit."""
    uniform = torch.rand(len(limits), generator=generator, dtype=torch.float64)
    return (uniform * limits).long().clamp(max=limits - 1)
