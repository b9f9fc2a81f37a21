"""Samplers that exhaust something: every group of images, every tuple of super-classes."""

import logging
from collections.abc import Iterator
from itertools import combinations, islice

import torch
from jaxtyping import Int64
from torch import Generator, Tensor

from zoo.data.samplers import Batch, ClassIndex, Labels, mixed_seed
from zoo.errors import DataError

logger = logging.getLogger("rankzoo")


class EveryImageSampler:
    """Each image at most once an epoch, in groups of one class; distinct classes within a batch.

    Greedy, as ROADMAP, HAPPIER, RS@k and Smooth-AP fill their batches: images are shuffled inside
    their class and cut into groups of `per_class` (at most `groups_per_class` of them), the classes
    are shuffled once; a batch takes one group of each of the first classes that have one left. When
    classes run short the epoch is over, so that its length depends on the order drawn. Classes with
    fewer than `per_class` images are never met. The batches are shuffled at the end, unless
    `in_order` (RS@k, Smooth-AP): then the same classes meet again in neighbouring batches.
    """

    def __init__(
        self,
        labels: Labels,
        classes_per_batch: int,
        per_class: int,
        seed: int,
        groups_per_class: int | None = None,
        in_order: bool = False,
    ) -> None:
        self.index = ClassIndex(labels)
        self.classes_per_batch, self.per_class, self.seed = classes_per_batch, per_class, seed
        self.groups, self.in_order = self.index.counts // per_class, in_order
        if groups_per_class is not None:
            self.groups = self.groups.clamp(max=groups_per_class)
        if (found := int((self.groups > 0).sum())) < classes_per_batch:
            raise DataError(
                f"a batch needs {classes_per_batch} classes with {per_class} items, "
                f"the data has {found}",
                "lower batch.size or batch.per_class, or add data",
            )

    def length(self, epoch: int) -> int:
        """Return how many batches the epoch has."""
        return sum(1 for _ in self._greedy(self._generator(epoch)))

    def batches(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        """Yield the epoch's batches from number `start` on."""
        generator = self._generator(epoch)
        filled = list(self._greedy(generator))
        shuffled = _shuffled_within(self.index, generator)
        order = torch.randperm(len(filled), generator=generator).tolist()
        for number in (range(len(filled)) if self.in_order else order)[start:]:
            classes, groups = (torch.tensor(column) for column in zip(*filled[number], strict=True))
            first = self.index.starts[classes] + groups * self.per_class
            yield shuffled[first[:, None] + torch.arange(self.per_class)].flatten()

    def _generator(self, epoch: int) -> Generator:
        return torch.Generator().manual_seed(mixed_seed(self.seed, epoch))

    def _greedy(self, generator: Generator) -> Iterator[list[tuple[int, int]]]:
        """Yield the batches of an epoch as (class, number of its group)."""
        order = torch.randperm(len(self.groups), generator=generator).tolist()
        left = self.groups.tolist()
        waiting = (number for number in order if left[number])
        front: list[int] = []
        while True:
            front = [number for number in front if left[number]]
            front += islice(waiting, self.classes_per_batch - len(front))
            if len(front) < self.classes_per_batch:
                return
            for number in front:
                left[number] -= 1
            yield [(number, left[number]) for number in front]


class HierarchicalSampler:
    """Batches from few super-classes at a time: neighbours that are hard to tell apart.

    Every tuple of `super_classes` super-classes serves `batches_per_tuple` batches an epoch, in
    random order (ROADMAP, HAPPIER; pytorch-metric-learning's sampler of that name). The classes of
    a batch are shared out evenly among its super-classes, and drawn anew each time.
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
        if few := len(members) - len(self.members):
            logger.warning("%d super-classes have fewer than %d classes: not drawn", few, share)
        self.share, self.per_class, self.seed = share, per_class, seed
        self.tuples = list(combinations(range(len(self.members)), super_classes))
        self.batches_per_tuple = batches_per_tuple

    def length(self, _epoch: int, /) -> int:
        """Return how many batches the epoch has: the same in each."""
        return len(self.tuples) * self.batches_per_tuple

    def batches(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        """Yield the epoch's batches from number `start` on."""
        generator = torch.Generator().manual_seed(mixed_seed(self.seed, epoch))
        order = torch.randperm(self.length(epoch), generator=generator).tolist()
        for number, turn in enumerate(order):
            chosen = self.tuples[turn // self.batches_per_tuple]
            classes = [self._some(self.members[place], generator) for place in chosen]
            batch = self.index.draw(torch.cat(classes), self.per_class, generator, replace=True)
            if number >= start:
                yield batch

    def _some(self, members: Tensor, generator: Generator) -> Tensor:
        return members[torch.randperm(len(members), generator=generator)[: self.share]]


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
