"""What is trained on, what tells items apart, and a process's share of each batch."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from zoo.data.dataset import ImageDataset
from zoo.data.item import Item
from zoo.data.preprocessing import Preprocessing
from zoo.errors import UsageError
from zoo.recipes import Recipe
from zoo.recipes.recipe import Batch, Captions, Data
from zoo.runs.options import RunOptions
from zoo.training.distributed import World
from zoo.training.loader import Loader, StepBatch, build_sampler, training_labels, training_part

SHAPE = Preprocessing(size=24, resize=24)
PAIRS = Batch(4, sampler="pairs")


def captioned(*texts: tuple[str, ...]) -> ImageDataset:
    items = [Item(Path(f"{n}.png"), (), "train", captions=each) for n, each in enumerate(texts)]
    items.append(Item(Path("test.png"), (), "test", captions=("not trained on",)))
    return ImageDataset("photos", Path(), tuple(items), ())


def test_a_walk_over_pairs_meets_each_caption_once_with_its_image(recipe: Recipe) -> None:
    dataset = captioned(("a", "b", "c"), (), ("d",))
    pairs = replace(recipe, batch=PAIRS, captions=Captions(encoder="backbone"))
    found = training_part(pairs, dataset).items
    told = [(item.path.name, item.captions) for item in found]
    assert told == [
        *(("0.png", ("a",)), ("0.png", ("b",)), ("0.png", ("c",))),
        ("1.png", ()),
        ("2.png", ("d",)),
    ]
    images = training_part(replace(recipe, captions=Captions()), dataset)
    assert [item.path.name for item in images.items] == ["0.png", "1.png", "2.png"]
    with pytest.raises(UsageError, match="walks captions"):
        training_part(replace(recipe, batch=PAIRS), dataset)


def test_classes_are_numbered_without_gaps_level_by_level_and_pairs_by_themselves(
    recipe: Recipe,
) -> None:
    labels = [("cat", "pet"), ("fox", "wild"), ("dog", "pet"), ("fox", "wild"), ("cat", "pet")]
    items = tuple(Item(Path(f"{n}.png"), each) for n, each in enumerate(labels))
    dataset = ImageDataset("photos", Path(), items, ("label", "label_level_2"))
    without_cats = dataset.subset([1, 2, 3])
    deep = replace(recipe, data=Data(levels=2))
    for part in (dataset, without_cats):
        found = training_labels(deep, part)
        for level in (0, 1):
            column = found[:, level]
            assert torch.unique(column).tolist() == list(range(len(torch.unique(column))))
            names = [item.labels[level] for item in part.items]
            same = [[a == b for a in names] for b in names]
            assert (column[:, None] == column).tolist() == same
    assert training_labels(replace(recipe, data=Data(levels=1)), dataset).shape == (5, 1)
    pairs = training_labels(replace(recipe, captions=Captions()), dataset)
    assert pairs.tolist() == [[0], [1], [2], [3], [4]]


def test_a_share_is_cut_into_chunks_of_at_most_so_many() -> None:
    crops = torch.zeros(7, 3, 2, 2, dtype=torch.uint8)
    labels, items = torch.zeros(14, 1).long(), torch.arange(14)  # of two processes
    share = StepBatch(crops, torch.zeros(7, 10), labels, items, start=7)
    cuts = {size: [(c.start, c.stop) for c in share.chunks(size)] for size in (None, 3, 7, 9)}
    assert cuts[3] == [(0, 3), (3, 6), (6, 7)]
    assert cuts[None] == cuts[7] == cuts[9] == [(0, 7)]


def test_processes_share_each_batch_and_a_run_goes_on_with_the_same(
    recipe: Recipe, dataset: ImageDataset
) -> None:
    def loader(rank: int, size: int) -> Loader:
        return Loader(recipe, dataset, SHAPE, World(rank, size), RunOptions(seed=3))

    whole = list(loader(0, 1).batches())
    assert len(whole) == recipe.schedule.steps == 12
    for first in (0, 5, 11):
        shares = [list(loader(rank, 2).batches(first)) for rank in range(2)]
        for step, pair in enumerate(zip(*shares, strict=True), start=first):
            assert [share.start for share in pair] == [0, 4]
            for name in ("crops", "draws"):
                together = torch.cat([getattr(share, name) for share in pair])
                assert torch.equal(together, getattr(whole[step], name))
            for share in pair:
                assert torch.equal(share.labels, whole[step].labels)
                assert torch.equal(share.items, whole[step].items)


@pytest.mark.parametrize(
    ("batch", "told", "hint"),
    [
        (Batch(1, 2), "one item has no rival", "--batch-size 4"),
        (Batch(8, 1), "batch.per_class=1", "batch.per_class=2"),
        (Batch(7, 3), "7 is no whole number of classes of 3", "--batch-size 6"),
        (Batch(2, 4), "2 is no whole number of classes of 4", "--batch-size 8"),
        (Batch(4, 4), "holds one class", "--batch-size 8 or more"),
    ],
)
def test_a_batch_that_cannot_be_says_which_could(batch: Batch, told: str, hint: str) -> None:
    labels = torch.arange(5).repeat_interleave(4)[:, None]
    with pytest.raises(UsageError, match=told) as caught:
        build_sampler(batch, labels, 0)
    assert hint in caught.value.hint
