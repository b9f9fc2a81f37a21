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

    def __len__(self) -> int:
        """Batches in an epoch."""
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

    def draw(self, chosen: Int64[Tensor, " drawn"], per_class: int, generator: Generator) -> Batch:
        """Return `per_class` random items of each class, distinct where the class has enough.

        Floyd's algorithm, one vector operation per item of a class; a smaller class is walked
        round from a random item, so that each of its items appears.
        """
        counts, starts = self.counts[chosen], self.starts[chosen]
        picks = torch.empty(len(chosen), per_class, dtype=torch.int64)
        first = _below(counts, generator)
        for j in range(per_class):
            last = (counts - per_class + j).clamp(min=0)
            pick = _below(last + 1, generator)
            taken = (picks[:, :j] == pick[:, None]).any(dim=1)
            fresh = torch.where(taken, last, pick)
            picks[:, j] = torch.where(counts < per_class, (first + j) % counts, fresh)
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
        self.length = max(1, items // (classes_per_batch * per_class))

    def __len__(self) -> int:
        """Batches in an epoch."""
        return self.length

    def batches(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        """Yield the epoch's batches from number `start` on."""
        generator = torch.Generator().manual_seed(mixed_seed(self.seed, epoch))
        per_round = len(self.index) // self.classes_per_batch
        order = torch.empty(0, dtype=torch.int64)
        for number in range(self.length):
            place = number % per_round * self.classes_per_batch
            if place == 0:
                order = torch.randperm(len(self.index), generator=generator)
            chosen = order[place : place + self.classes_per_batch]
            batch = self.index.draw(chosen, self.per_class, generator)
            if number >= start:
                yield batch


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


class EveryImageSampler:
    """All images of an epoch, in groups of one class; distinct classes within a batch.

    Each class is shuffled and cut into groups of `per_class` (an incomplete last group is left
    out); at most `groups_per_class` of them are kept, which balances long-tailed classes.
    """

    def __init__(
        self,
        labels: Labels,
        classes_per_batch: int,
        per_class: int,
        seed: int,
        groups_per_class: int | None = None,
    ) -> None:
        self.index = ClassIndex(labels)
        self.classes_per_batch, self.per_class, self.seed = classes_per_batch, per_class, seed
        self.groups = self.index.counts // per_class
        if groups_per_class is not None:
            self.groups = self.groups.clamp(max=groups_per_class)
        rounds = _most_rounds(self.groups, classes_per_batch)
        if not rounds:
            raise DataError(
                f"a batch needs {classes_per_batch} classes with {per_class} items",
                "lower batch.size or batch.per_class, or add data",
            )
        self.length = rounds

    def __len__(self) -> int:
        """Batches in an epoch."""
        return self.length

    def batches(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        """Yield the epoch's batches from number `start` on."""
        generator = torch.Generator().manual_seed(mixed_seed(self.seed, epoch))
        left = self.groups.clone()
        shuffled = _shuffled_within(self.index, generator)
        for number in range(self.length):
            uniform = torch.rand(len(left), generator=generator, dtype=torch.float64)
            key = uniform ** (1 / left.clamp(min=1))  # draws in proportion to what is left
            key[left >= self.length - number] = 2  # must serve every batch still to come
            key[left == 0] = -1
            chosen = torch.topk(key, self.classes_per_batch).indices
            left[chosen] -= 1
            first = self.index.starts[chosen] + left[chosen] * self.per_class
            if number >= start:
                yield shuffled[first[:, None] + torch.arange(self.per_class)].flatten()


class HierarchicalSampler:
    """Batches from few super-classes at a time: neighbours that are hard to tell apart.

    Super-classes are drawn by permutations, `super_classes` at a time; each tuple serves
    `batches_per_tuple` batches, the classes of a batch shared out evenly among its super-classes.
    """

    def __init__(
        self,
        labels: Int64[Tensor, "item level"],
        classes_per_batch: int,
        per_class: int,
        seed: int,
        super_classes: int = 2,
        batches_per_tuple: int = 10,
    ) -> None:
        if labels.shape[1] < 2:
            raise DataError("a hierarchical sampler needs two label levels, the data has one")
        self.index = ClassIndex(labels[:, 0])
        parent = labels[self.index.items[self.index.starts], 1]
        share = classes_per_batch // super_classes
        members = [torch.nonzero(parent == p).flatten() for p in torch.unique(parent)]
        self.members = [classes for classes in members if len(classes) >= share]
        if len(self.members) < super_classes or share * super_classes != classes_per_batch:
            raise DataError(
                f"a batch needs {super_classes} super-classes of {share} classes with two items, "
                f"the data has {len(self.members)}",
                "lower batch.size or batch.super_classes (which must divide the classes evenly)",
            )
        self.share, self.per_class, self.seed = share, per_class, seed
        self.super_classes, self.batches_per_tuple = super_classes, batches_per_tuple
        items = int(self.index.counts.sum())
        self.length = max(1, items // (classes_per_batch * per_class))

    def __len__(self) -> int:
        """Batches in an epoch."""
        return self.length

    def batches(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        """Yield the epoch's batches from number `start` on."""
        generator = torch.Generator().manual_seed(mixed_seed(self.seed, epoch))
        order: list[int] = []
        chosen: list[int] = []
        for number in range(self.length):
            if number % self.batches_per_tuple == 0:
                if len(order) < self.super_classes:
                    order = torch.randperm(len(self.members), generator=generator).tolist()
                chosen = [order.pop() for _ in range(self.super_classes)]
            classes = [self._some(self.members[place], generator) for place in chosen]
            batch = self.index.draw(torch.cat(classes), self.per_class, generator)
            if number >= start:
                yield batch

    def _some(self, members: Tensor, generator: Generator) -> Tensor:
        return members[torch.randperm(len(members), generator=generator)[: self.share]]


class ShuffledSampler:
    """Items in random order, whatever their class; an incomplete last batch is left out."""

    def __init__(self, count: int, size: int, seed: int) -> None:
        if count < size:
            raise DataError(f"a batch needs {size} items, the data has {count}")
        self.count, self.size, self.seed = count, size, seed

    def __len__(self) -> int:
        """Batches in an epoch."""
        return self.count // self.size

    def batches(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        """Yield the epoch's batches from number `start` on."""
        generator = torch.Generator().manual_seed(mixed_seed(self.seed, epoch))
        order = torch.randperm(self.count, generator=generator)
        for number in range(start, len(self)):
            yield order[number * self.size : (number + 1) * self.size]


def _most_rounds(groups: Int64[Tensor, " class"], classes: int) -> int:
    """Return how many batches of `classes` distinct classes the groups can fill.

    b batches can be filled when sum(min(groups, b)) >= b * classes, and then so can fewer.
    """
    low, high = 0, int(groups.sum()) // classes
    while low < high:
        middle = (low + high + 1) // 2
        enough = int(groups.clamp(max=middle).sum()) >= middle * classes
        low, high = (middle, high) if enough else (low, middle - 1)
    return low


def _shuffled_within(index: ClassIndex, generator: Generator) -> Int64[Tensor, " item"]:
    """Return the flat items with each class's items in random order, places of classes kept."""
    keys = torch.rand(len(index.items), generator=generator, dtype=torch.float64)
    number = torch.zeros(len(index.items), dtype=torch.int64)
    # Items of dropped (single) classes ride along with the class before them in the numbering,
    # so that every kept class still fills exactly [start, start + count).
    number[index.starts] = 1
    ends = index.starts + index.counts
    number[ends[ends < len(number)]] = 1
    by_key = torch.argsort(keys)
    return index.items[by_key[torch.argsort(number.cumsum(0)[by_key], stable=True)]]
