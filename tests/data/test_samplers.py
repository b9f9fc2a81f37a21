"""Samplers: what a batch holds, and that (seed, epoch) alone decides it."""

import pytest
import torch
from torch import Tensor

from zoo.data.samplers import (
    EveryImageSampler,
    HierarchicalSampler,
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
    ]


@pytest.mark.parametrize("number", range(3))
def test_a_batch_holds_distinct_classes_side_by_side(number: int) -> None:
    sampler, labels = all_samplers()[number]
    per_class = (4, 3, 4)[number]
    found = list(sampler.batches(0))
    assert len(found) == len(sampler)
    for batch in found:
        classes = labels[batch].view(-1, per_class)
        assert (classes == classes[:, :1]).all()
        assert len(torch.unique(classes[:, 0])) == len(classes)


@pytest.mark.parametrize("number", range(3))
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


def test_every_image_walks_each_image_at_most_once_and_nearly_all() -> None:
    labels = torch.repeat_interleave(torch.arange(30), 9)
    drawn = torch.cat([*EveryImageSampler(labels, 5, 3, seed=0).batches(0)])
    assert len(torch.unique(drawn)) == len(drawn) == 270


def test_groups_per_class_limits_the_head_of_a_long_tail() -> None:
    labels = torch.cat([torch.zeros(400, dtype=torch.int64), torch.arange(1, 41).repeat(4)])
    sampler = EveryImageSampler(labels, 4, 4, seed=0, groups_per_class=8)
    drawn = labels[torch.cat([*sampler.batches(0)])].bincount()
    assert drawn[0] == 8 * 4
    assert len(sampler) == (8 + 40) // 4


def test_a_hierarchical_batch_comes_from_few_super_classes_that_change() -> None:
    labels = two_levels()
    sampler = HierarchicalSampler(labels, 6, 4, seed=0, super_classes=2, batches_per_tuple=2)
    parents = [frozenset(labels[batch, 1].tolist()) for batch in sampler.batches(0)]
    assert all(len(found) == 2 for found in parents)
    assert parents[0] == parents[1]
    assert not parents[1] & parents[2]


def test_too_few_classes_name_both_numbers() -> None:
    with pytest.raises(DataError, match=r"64 classes .* has 19"):
        PerClassSampler(long_tailed(), 64, 4, seed=0)
    with pytest.raises(DataError, match="40 classes"):
        EveryImageSampler(long_tailed(), 40, 4, seed=0)
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
