"""Which epoch an update falls in: epochs may differ in length."""

import logging
from bisect import bisect_right
from itertools import accumulate, count

from zoo.data.samplers import Sampler
from zoo.errors import UsageError
from zoo.recipes.recipe import Schedule

LOG = logging.getLogger("rankzoo")


class Epochs:
    """The epochs of a run, by the length its sampler gives each of them.

    Raises:
        UsageError: the schedule contradicts itself.
    """

    def __init__(self, sampler: Sampler, schedule: Schedule) -> None:
        check_schedule(schedule)
        numbers = range(schedule.epochs) if schedule.steps is None else count()
        self.ends: list[int] = []
        for end in accumulate(sampler.length(epoch) for epoch in numbers):
            self.ends.append(end)
            if schedule.steps is not None and end >= schedule.steps:
                break
        self.steps = schedule.steps or self.ends[-1]
        check_warmup(schedule.warmup_steps, self.steps)

    def at(self, step: int) -> tuple[int, int]:
        """Return the epoch of update number `step` (from 0), and its place in the epoch."""
        epoch = bisect_right(self.ends, step)
        return epoch, step - (self.ends[epoch - 1] if epoch else 0)


def check_warmup(warmup: int, steps: int) -> None:
    """Raise `UsageError` where a run of `steps` updates would end before its warm-up."""
    if not 0 <= warmup <= steps:
        raise UsageError(
            f"schedule.warmup_steps={warmup}: the run has {steps} updates",
            f"set it to a number from 0 to {steps}",
        )


def warn_of_warmup(warmup: int, steps: int) -> None:
    """Say so where a run ends before the warm-up that its recipe brings."""
    if warmup > steps:
        LOG.warning(
            "schedule.warmup_steps=%d, and the run has %d updates: its rate never reaches "
            "optimiser.lr; set schedule.warmup_steps lower, or train longer",
            warmup,
            steps,
        )


def check_schedule(schedule: Schedule) -> None:
    """Raise `UsageError` where a schedule contradicts itself."""
    if schedule.per == "epoch" and schedule.steps is not None:
        raise UsageError("schedule.per=epoch needs schedule.epochs", "set schedule.steps=null")
    if schedule.paused and schedule.kind == "cosine" and schedule.per == "step":
        raise UsageError("schedule.paused counts epochs", "set schedule.per=epoch, or paused=false")
