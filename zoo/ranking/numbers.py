"""Scores that are not numbers have no rank: sorting would put them somewhere, and that is refused.

One pass over the scores (a fiftieth of a sort), and no memory: `aminmax` is NaN if any entry is.
"""

from torch import Tensor

from zoo.errors import DataError

HINT = "look at what made the scores: a diverged model, a division by zero, a damaged file"


def check_numbers(**named: Tensor) -> None:
    """Raise unless every entry is a number; infinities are, they have a rank.

    Raises:
        DataError: naming the tensor and its first entry that is NaN.
    """
    for name, values in named.items():
        if values.numel() and values.detach().amax().isnan():
            raise _refused(name, values, values.isnan())


def check_finite_numbers(**named: Tensor) -> None:
    """Raise unless every entry is a finite number, for what is computed with and not only ranked.

    Raises:
        DataError: naming the tensor and its first entry that is NaN or infinite.
    """
    for name, values in named.items():
        if values.numel() and not all(end.isfinite() for end in values.detach().aminmax()):
            raise _refused(name, values, ~values.isfinite())


def _refused(name: str, values: Tensor, bad: Tensor) -> DataError:
    place = tuple(bad.nonzero()[0].tolist())
    axes = {1: ("item",), 2: ("row", "column")}.get(len(place), ("axis",) * len(place))
    where = ", ".join(f"{axis} {at}" for axis, at in zip(axes, place, strict=True))
    value = float(values.detach()[place])
    return DataError(f"{name} {where}: {value} cannot be ranked", HINT)
