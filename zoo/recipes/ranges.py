"""Which numbers a recipe's keys take: the same key means the same in every task."""

import math
from dataclasses import dataclass
from typing import Any

from zoo.errors import UsageError


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`, the ends among them but for an `open` low end."""

    low: float
    high: float = math.inf
    open: bool = False

    def holds(self, value: int | float) -> bool:
        """Whether the number is finite and in the range."""
        above = value > self.low if self.open else value >= self.low
        return above and value <= self.high and math.isfinite(value)

    def __str__(self) -> str:
        low = f"above {self.low:g}" if self.open else f"from {self.low:g}"
        return low if math.isinf(self.high) else f"{low} to {self.high:g}"


COUNT, NOT_NEGATIVE, POSITIVE = Range(1.0), Range(0.0), Range(0.0, open=True)
SHARE, PART = Range(0.0, 1.0), Range(0.0, 1.0, open=True)

# By the last word of a key, or by the key where two tasks mean different things.
KEYS = {
    COUNT: "attempts batches batches_per_tuple channels checkpoint_every chunk depth dim epochs "
    "groups groups_per_class hidden layers length levels maps most_words octave per_class "
    "proposals regions resize scale shorter size squash steps super_classes",
    NOT_NEGATIVE: "decay_at evaluate_every final_lr from_epoch frozen_epochs head_lr lr memory "
    "point_epochs point_weight rank rank_weight scenes warmup_steps weight weight_decay",
    POSITIVE: "alpha box_stds clip_norm ratio resolution",
    SHARE: "colour decay dropout ema flip grey momentum score_threshold",
    PART: "augmentation.scale layer_decay window",
}
RANGES = {key: allowed for allowed, keys in KEYS.items() for key in keys.split()}
ORDERED = ("augmentation.scale", "augmentation.ratio")  # the lower bound, then the upper one


def range_of(key: str) -> Range | None:
    """Return the range of a recipe's key such as `batch.size`; None where it holds no number."""
    return RANGES.get(key) or RANGES.get(key.rpartition(".")[2])


def check_number(key: str, value: int | float) -> None:
    """Raise `UsageError` unless the key takes the number."""
    allowed = range_of(key)
    if allowed is not None and not allowed.holds(value):
        raise UsageError(f"{key}={value!r}", f"it takes numbers {allowed}")


def check_order(key: str, values: tuple[Any, ...]) -> None:
    """Raise `UsageError` where a lower bound is above the upper one."""
    if key in ORDERED and values[0] > values[1]:
        raise UsageError(f"{key}={list(values)}", "it takes the lower bound, then the upper one")
