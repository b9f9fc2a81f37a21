"""A sorter that follows slowly takes one step a batch kept, and keeps the latest."""

import copy

import pytest
import torch
from torch import Tensor

from zoo.errors import UsageError
from zoo.sorters import SORTERS, Sorter, exact_ranks
from zoo.sorters.slow_update import SlowUpdate


def batches(*sizes: int) -> list[Tensor]:
    draw = torch.Generator().manual_seed(3)
    return [torch.randn(size, 6, generator=draw) for size in sizes]


def small_sorter() -> Sorter:
    torch.manual_seed(3)
    return SORTERS["lstme"](length=6).requires_grad_(False)


@pytest.mark.parametrize(
    ("sizes", "kept"),
    [
        ((4, 4), [0, 1]),
        ((4, 4, 4), [1, 2]),  # the oldest goes
        ((2, 6, 2), [1, 2]),
        ((4, 4, 8), [2]),
        ((4, 99), [1]),  # the latest stays however large
    ],
)
def test_an_update_steps_on_the_latest_batches_within_the_capacity(
    sizes: tuple[int, ...], kept: list[int]
) -> None:
    sorter = small_sorter()
    by_hand = copy.deepcopy(sorter).requires_grad_(True)
    slow = SlowUpdate(sorter, rate=0.01, capacity=8)
    met = batches(*sizes)
    for scores in met:
        slow.remember(scores)
    optimiser = torch.optim.Adam(by_hand.parameters(), lr=0.01)
    errors = []
    for place in kept:
        optimiser.zero_grad()
        error = (by_hand(met[place]) - exact_ranks(met[place])).abs().mean()
        error.backward()
        optimiser.step()
        errors.append(float(error.detach()))
    assert slow.update() == pytest.approx(sum(errors) / len(errors))
    for ours, theirs in zip(sorter.parameters(), by_hand.parameters(), strict=True):
        torch.testing.assert_close(ours.data, theirs.data)
    assert not any(weight.requires_grad for weight in sorter.parameters())
    assert slow.update() == 0


def test_what_is_remembered_is_a_copy() -> None:
    (scores,) = batches(4)
    one, other = SlowUpdate(small_sorter(), rate=0.01), SlowUpdate(small_sorter(), rate=0.01)
    one.remember(scores.clone())
    other.remember(scores)
    scores.zero_()
    assert one.update() == other.update()


def test_a_sorter_without_weights_is_refused() -> None:
    with pytest.raises(UsageError, match="no weights to update"):
        SlowUpdate(SORTERS["gaussian"]())
