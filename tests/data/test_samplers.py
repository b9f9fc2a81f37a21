"""Samplers: what a batch holds, and that (seed, epoch) alone decides it."""

from collections import Counter
from itertools import combinations

import pytest
import torch
from torch import Tensor

from zoo.data.group_samplers import EveryImageSampler, HierarchicalSampler
from zoo.data.samplers import (
    FreshSampler,
    PerClassSampler,
    Sampler,
    mixed_seed,
)
from zoo.errors import DataError


def long_tailed() -> Tensor:
    """Class c has 1 + c items, shuffled; class 0 alone has a single one."""
    labels = torch.repeat_interleave(torch.arange(20), torch.arange(20) + 1)
    return labels[torch.randperm(len(labels))]


def two_levels() -> Tensor:
    fine = torch.repeat_interleave(torch.arange(24), 5)
    return torch.stack([fine, fine // 6], dim=1)


def all_samplers() -> list[tuple[Sampler, Tensor]]:
    labels, levels = long_tailed(), two_levels()
    return [
        (PerClassSampler(labels, 8, 4, seed=3), labels),
        (EveryImageSampler(labels, 4, 3, seed=3), labels),
        (HierarchicalSampler(levels, 6, 4, seed=3, batches_per_tuple=2), levels[:, 0]),
        (EveryImageSampler(labels, 4, 3, seed=3, in_order=True), labels),
        (FreshSampler(labels, 8, 4, seed=3, count=7), labels),
    ]


@pytest.mark.parametrize("number", range(5))
def test_a_batch_holds_distinct_classes_side_by_side(number: int) -> None:
    sampler, labels = all_samplers()[number]
    per_class = (4, 3, 4, 3, 4)[number]
    found = list(sampler.batches(0))
    assert len(found) == sampler.length(0)
    for batch in found:
        classes = labels[batch].view(-1, per_class)
        assert (classes == classes[:, :1]).all()
        assert len(torch.unique(classes[:, 0])) == len(classes)


@pytest.mark.parametrize("number", range(5))
def test_an_epoch_depends_on_seed_and_number_and_can_be_entered_anywhere(number: int) -> None:
    sampler = all_samplers()[number][0]
    whole, again = torch.stack([*sampler.batches(1)]), torch.stack([*sampler.batches(1)])
    assert torch.equal(whole, again)
    assert torch.equal(torch.stack([*sampler.batches(1, start=2)]), whole[2:])
    assert not torch.equal(torch.stack([*sampler.batches(2)]), whole)


def test_items_of_a_class_are_distinct_when_it_has_enough_and_all_used_when_not() -> None:
    labels = long_tailed()
    sizes = labels.bincount()
    for batch in PerClassSampler(labels, 8, 4, seed=0).batches(0):
        for group in batch.view(-1, 4):
            expected = min(4, int(sizes[labels[group[0]]]))
            assert len(torch.unique(group)) == expected


def test_single_items_are_never_drawn() -> None:
    labels = long_tailed()
    for batch in PerClassSampler(labels, 8, 4, seed=0).batches(0):
        assert (labels[batch] != 0).all()


def test_classes_are_drawn_evenly() -> None:
    labels = torch.repeat_interleave(torch.arange(16), 40)
    drawn = torch.cat([*PerClassSampler(labels, 4, 4, seed=0).batches(0)])
    assert labels[drawn].bincount().tolist() == [40] * 16


def test_items_of_a_class_are_drawn_evenly() -> None:
    labels = torch.repeat_interleave(torch.arange(4), 6)
    sampler = PerClassSampler(labels, 4, 3, seed=0)
    drawn = torch.cat([b for epoch in range(250) for b in sampler.batches(epoch)])
    share = drawn.bincount() / len(drawn)
    assert (share - 1 / 24).abs().max() < 0.008  # three standard deviations of 6,000


def test_every_image_meets_each_image_at_most_once_and_nearly_all() -> None:
    labels = torch.repeat_interleave(torch.arange(30), 9)
    drawn = torch.cat([*EveryImageSampler(labels, 5, 3, seed=0).batches(0)])
    assert len(torch.unique(drawn)) == len(drawn) == 270


def greedily(sizes: list[int], order: list[int], classes: int, per_class: int) -> list[list[int]]:
    """Return the classes of each batch as the papers' code fills it: one pass per batch."""
    left, found = list(sizes), list[list[int]]()
    while True:
        batch: list[int] = []
        for number in order:
            if left[number] >= per_class and len(batch) < classes:
                left[number] -= per_class
                batch.append(number)
        if len(batch) < classes:
            return found
        found.append(batch)


@pytest.mark.parametrize("seed", range(5))
def test_every_image_fills_its_batches_as_the_papers_code_does(seed: int) -> None:
    sizes = [2, 3, 17, 4, 9, 30, 12, 5, 8, 3, 21, 11]
    labels = torch.repeat_interleave(torch.arange(12), torch.tensor(sizes))
    sampler = EveryImageSampler(labels, 4, 3, seed=seed, in_order=True)
    batches = [labels[batch].view(-1, 3)[:, 0].tolist() for batch in sampler.batches(0)]
    order = list(dict.fromkeys(number for batch in batches for number in batch))
    order += sorted(set(range(12)) - set(order))  # never met: where they stand is not seen
    assert batches == greedily(sizes, order, 4, 3)
    assert len(batches) == sampler.length(0)


def test_shuffled_batches_are_those_made_in_order() -> None:
    labels = long_tailed()
    made = [sorted(b.tolist()) for b in EveryImageSampler(labels, 4, 3, 0, None, True).batches(0)]
    mixed = [sorted(b.tolist()) for b in EveryImageSampler(labels, 4, 3, 0).batches(0)]
    assert mixed != made
    assert sorted(mixed) == sorted(made)


def test_the_length_of_a_greedy_epoch_is_near_the_one_simulated_for_birds() -> None:
    sizes = torch.tensor([60] * 87 + [59] * 5 + [50] * 4 + [44] * 4)  # 5,891 images
    labels = torch.repeat_interleave(torch.arange(100), sizes)
    lengths = [EveryImageSampler(labels, 32, 4, seed=seed).length(0) for seed in range(10)]
    assert 38 <= sum(lengths) / 10 <= 45  # the real CUB gives about 41; even draws gave 46


def test_classes_that_cannot_fill_a_group_are_never_met() -> None:
    labels = long_tailed()  # class c has c + 1 items
    met = {int(labels[i]) for batch in EveryImageSampler(labels, 4, 4, 0).batches(0) for i in batch}
    assert met <= set(range(3, 20))


def test_groups_per_class_limits_the_head_of_a_long_tail() -> None:
    labels = torch.cat([torch.zeros(400, dtype=torch.int64), torch.arange(1, 41).repeat(4)])
    sampler = EveryImageSampler(labels, 4, 4, seed=0, groups_per_class=2)
    drawn = torch.cat([labels[batch] for epoch in range(20) for batch in sampler.batches(epoch)])
    assert drawn.bincount()[0] <= 20 * 2 * 4
    assert (labels[next(iter(sampler.batches(0)))].bincount() <= 4).all()


def test_every_pair_of_super_classes_serves_as_often() -> None:
    labels = two_levels()
    sampler = HierarchicalSampler(labels, 6, 4, seed=0, super_classes=2, batches_per_tuple=3)
    pairs = [tuple(sorted(set(labels[batch, 1].tolist()))) for batch in sampler.batches(0)]
    assert Counter(pairs) == dict.fromkeys(combinations(range(4), 2), 3)
    assert sampler.length(0) == len(pairs) == 18
    assert pairs != sorted(pairs)


def test_super_classes_that_are_too_small_are_named(caplog: pytest.LogCaptureFixture) -> None:
    fine = torch.repeat_interleave(torch.arange(9), 4)
    labels = torch.stack([fine, (fine // 4).clamp(max=2)], dim=1)  # 4, 4 and 1 classes
    sampler = HierarchicalSampler(labels, 6, 4, seed=0)
    assert "1 super-classes have fewer than 3 classes" in caplog.text
    assert all((labels[batch, 1] < 2).all() for batch in sampler.batches(0))


def test_small_classes_are_drawn_from_with_replacement_where_the_papers_do() -> None:
    labels = torch.repeat_interleave(torch.arange(8), 2)
    groups = torch.cat([b.view(-1, 4) for b in FreshSampler(labels, 4, 4, 0, 200).batches(0)])
    alone = torch.tensor([len(torch.unique(group)) == 1 for group in groups]).float().mean()
    assert 0.09 < alone < 0.16  # 2 of the 16 ways to draw 4 of 2


def test_fresh_batches_repeat_classes_before_all_were_seen() -> None:
    labels = torch.repeat_interleave(torch.arange(40), 4)
    first, second = (set(labels[b].tolist()) for b in FreshSampler(labels, 20, 4, 0, 2).batches(0))
    assert 0 < len(first & second) < 20


def test_too_few_classes_name_both_numbers() -> None:
    with pytest.raises(DataError, match=r"64 classes .* has 19"):
        PerClassSampler(long_tailed(), 64, 4, seed=0)
    with pytest.raises(DataError, match=r"40 classes .* has 17"):
        EveryImageSampler(long_tailed(), 40, 4, seed=0)
    with pytest.raises(DataError, match=r"64 classes .* has 19"):
        FreshSampler(long_tailed(), 64, 4, seed=0)
    with pytest.raises(DataError, match="super-classes"):
        HierarchicalSampler(two_levels(), 16, 4, seed=0)
    with pytest.raises(DataError, match="two label levels"):
        HierarchicalSampler(two_levels()[:, :1], 4, 4, seed=0)


def test_a_million_classes_are_cheap_in_memory_of_the_index() -> None:
    labels = torch.arange(1_000_000).repeat(2)
    batch = next(iter(PerClassSampler(labels, 1000, 2, seed=0).batches(0)))
    assert (labels[batch].view(-1, 2)[:, 0] == labels[batch].view(-1, 2)[:, 1]).all()


def test_near_seeds_are_mixed_apart() -> None:
    seeds = {mixed_seed(a, b) for a in range(50) for b in range(50)}
    assert len(seeds) == 2500
