"""Which epoch an update falls in, and schedules that contradict themselves."""

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from zoo.errors import UsageError
from zoo.recipes.recipe import Schedule
from zoo.training.epochs import Epochs, check_schedule


class Uneven:
    """A sampler whose epochs have 3, 0, 5, 3, 0, 5, ... batches."""

    def length(self, epoch: int) -> int:
        return (3, 0, 5)[epoch % 3]

    def batches(self, epoch: int, start: int = 0) -> Iterator[Tensor]:
        yield from torch.zeros(self.length(epoch) - start, 1, dtype=torch.int64)


def test_an_update_is_found_in_epochs_of_any_length() -> None:
    epochs = Epochs(Uneven(), Schedule(4))
    assert epochs.steps == 11
    found = [epochs.at(step) for step in range(11)]
    expected = [(0, 0), (0, 1), (0, 2), *((2, place) for place in range(5)), (3, 0), (3, 1), (3, 2)]
    assert found == expected


def test_steps_decide_over_epochs() -> None:
    epochs = Epochs(Uneven(), Schedule(4, steps=20))
    assert epochs.steps == 20
    assert [epochs.at(step) for step in (15, 16, 19)] == [(5, 4), (6, 0), (8, 0)]


@pytest.mark.parametrize("warmup", [-1, 12])
def test_a_warm_up_outside_the_run_is_refused(warmup: int) -> None:
    assert Epochs(Uneven(), Schedule(4, warmup_steps=11)).steps == 11
    with pytest.raises(UsageError, match="the run has 11 updates"):
        Epochs(Uneven(), Schedule(4, warmup_steps=warmup))


def test_schedules_that_contradict_themselves_are_refused() -> None:
    check_schedule(Schedule(kind="cosine", per="epoch", frozen_epochs=5, paused=True))
    with pytest.raises(UsageError, match="per=epoch"):
        check_schedule(Schedule(steps=100, kind="cosine", per="epoch"))
    with pytest.raises(UsageError, match="paused"):
        check_schedule(Schedule(kind="cosine", paused=True))
