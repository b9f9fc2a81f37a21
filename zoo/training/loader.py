"""From a dataset to the batches of a step: sampler, crops, labels, this process's slice."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice

import torch
from jaxtyping import Float, Int64, UInt8
from torch import Tensor

from zoo.data.dataset import ImageDataset
from zoo.data.group_samplers import EveryImageSampler, HierarchicalSampler
from zoo.data.preprocessing import Preprocessing
from zoo.data.samplers import (
    FreshSampler,
    PerClassSampler,
    Sampler,
    ShuffledSampler,
)
from zoo.device import sent
from zoo.errors import UsageError
from zoo.recipes.recipe import Augmentation, Batch, Recipe
from zoo.runs.fingerprint import fingerprint
from zoo.runs.options import RunOptions
from zoo.training.augment import coloured, draws_of_step
from zoo.training.distributed import World
from zoo.training.epochs import Epochs
from zoo.training.images import Plan, open_images


@dataclass(frozen=True)
class StepBatch:
    """One process's share of a step: its crops and draws; labels and items of the whole batch."""

    crops: UInt8[Tensor, "share 3 size size"]
    draws: Float[Tensor, "share draws"]
    labels: Int64[Tensor, "batch level"]
    items: Int64[Tensor, " batch"]  # positions in the training set
    start: int  # where the share begins in the global batch

    def chunks(self, size: int | None) -> list[slice]:
        """Return the share cut into chunks of at most `size` images."""
        size = size or len(self.crops)
        return [slice(i, min(i + size, len(self.crops))) for i in range(0, len(self.crops), size)]


class Loader:
    """The training batches of a run, from any step on; a function of the seed alone."""

    def __init__(
        self,
        recipe: Recipe,
        dataset: ImageDataset,
        preprocessing: Preprocessing,
        world: World,
        how: RunOptions,
    ) -> None:
        self.recipe, self.world = recipe, world
        self.augmentation: Augmentation = recipe.augmentation
        self.preprocessing = preprocessing
        self.labels = training_labels(recipe, dataset)
        self.sampler: Sampler = build_sampler(recipe.batch, dataset.label_ids, how.seed)
        self.size = recipe.augmentation.size or preprocessing.size
        cached = self.size if recipe.augmentation.resize is None else None  # they are squashed
        self.source = open_images(dataset.paths, cached, how.workers, how.track)
        self.share = world.part(recipe.batch.size)
        self.seed = how.seed
        self.fingerprint = fingerprint(dataset, how.seed, world.size)
        self.epochs = Epochs(self.sampler, recipe.schedule)
        self.steps = self.epochs.steps

    def batches(self, first: int = 0) -> Iterator[StepBatch]:
        """Yield the batches of updates `first`, `first + 1`, ... up to the last."""
        labels = ((self.labels[items], items) for items in self._items(first))
        draws = (plan[1] for plan in self._plans(first))
        crops = self.source.crops(self._plans(first), self.augmentation, self.size)
        for crop, draw, named in zip(crops, draws, labels, strict=True):
            yield StepBatch(crop, draw, *named, start=self.share.start)

    def images(
        self, batch: StepBatch, chunk: slice, device: torch.device
    ) -> Float[Tensor, "chunk 3 size size"]:
        """Return a chunk's images as the network's input: colours changed, normalised."""
        crops = sent(batch.crops[chunk], device).float()
        draws = sent(batch.draws[chunk], device)
        return coloured(crops, draws, self.augmentation, self.preprocessing)

    def _items(self, first: int) -> Iterator[Int64[Tensor, " batch"]]:
        epoch, place = self.epochs.at(first)
        return islice(self._epochs(epoch, place), self.steps - first)

    def _epochs(self, epoch: int, place: int) -> Iterator[Int64[Tensor, " batch"]]:
        while True:
            yield from self.sampler.batches(epoch, place)
            epoch, place = epoch + 1, 0

    def _plans(self, first: int) -> Iterator[Plan]:
        for step, items in enumerate(self._items(first), start=first):
            draws = draws_of_step(len(items), self.seed, step, self.augmentation.attempts)
            yield items[self.share], draws[self.share]


def training_part(recipe: Recipe, dataset: ImageDataset) -> ImageDataset:
    """Return what is trained on: the training images, or each of their captions with its image.

    Raises:
        UsageError: pairs are wanted, and the recipe has no captions.
        DataError: there is no training image.
    """
    found = dataset.split("train")
    if recipe.batch.sampler != "pairs":
        return found
    if recipe.captions is None:
        raise UsageError("batch.sampler=pairs walks captions", "set batch.sampler=per_class")
    own = ((item, n) for item in found.items for n in range(max(1, len(item.captions))))
    pairs = (replace(item, captions=item.captions[n : n + 1]) for item, n in own)
    return replace(found, items=tuple(pairs))


def training_labels(recipe: Recipe, dataset: ImageDataset) -> Int64[Tensor, "item level"]:
    """Return what a loss tells items apart by: labels, or with captions the item itself.

    The classes of each level are numbered anew, without gaps: class proxies stand for the classes
    that are trained on, not for those that wait in the test set.
    """
    if recipe.captions is not None:
        return torch.arange(len(dataset))[:, None]
    columns = dataset.label_ids[:, : recipe.data.levels].T
    return torch.stack([torch.unique(column, return_inverse=True)[1] for column in columns], 1)


def build_sampler(batch: Batch, labels: Int64[Tensor, "item level"], seed: int) -> Sampler:
    """Return the sampler a recipe asks for.

    Raises:
        UsageError: the batch is not a whole number of classes, two or more of two items or more.
        DataError: the labels cannot fill a batch.
    """
    if batch.size < 2:
        raise UsageError(f"batch.size={batch.size}: one item has no rival", "--batch-size 4")
    if batch.sampler in ("shuffled", "pairs"):
        return ShuffledSampler(len(labels), batch.size, seed)
    if batch.per_class < 2:
        raise UsageError(
            f"batch.per_class={batch.per_class}: no item of a batch has another of its class",
            "--set batch.per_class=2, or more",
        )
    classes, rest = divmod(batch.size, batch.per_class)
    if rest:
        near = max(2, classes) * batch.per_class
        raise UsageError(
            f"a batch of {batch.size} is no whole number of classes of {batch.per_class} images",
            f"--batch-size {near}, or another batch.per_class",
        )
    if classes < 2:
        raise UsageError(
            f"a batch of {batch.size} with {batch.per_class} images a class holds one class",
            f"--batch-size {2 * batch.per_class} or more, or a smaller batch.per_class",
        )
    match batch.sampler:
        case "hierarchical":
            tuples = (batch.super_classes, batch.batches_per_tuple)
            return HierarchicalSampler(labels, classes, batch.per_class, seed, *tuples)
        case "every_image":
            limits = (batch.groups_per_class, batch.in_order)
            return EveryImageSampler(labels[:, 0], classes, batch.per_class, seed, *limits)
        case "fresh":
            return FreshSampler(labels[:, 0], classes, batch.per_class, seed, batch.batches)
        case _:
            return PerClassSampler(labels[:, 0], classes, batch.per_class, seed)
