"""A model is built only if the file beside its configuration can hold its weights."""

from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from zoo.errors import IntegrityError


def refuse_larger(build: Callable[[], nn.Module], weights: Path) -> None:
    """Refuse a model with more parameters than its weight file has bytes, before it is allocated.

    Every format stores a parameter in a byte or more. The model is built of shapes alone (.13 s
    for a ResNet-50), so a configuration of 1e9 parameters costs no memory.

    Raises:
        IntegrityError: it has more, or there are no such shapes.
    """
    size = weights.stat().st_size
    try:
        with torch.device("meta"):
            count = sum(parameter.numel() for parameter in build().parameters())
    except (RuntimeError, OverflowError, ValueError, ZeroDivisionError) as error:
        reason = " ".join(str(error).split())[:160]
        raise IntegrityError(f"{weights.parent}: no model can be like that ({reason})") from error
    if count > size:
        raise IntegrityError(
            f"{weights} has {size:,} bytes, and the model of its configuration {count:,} "
            "parameters: they do not belong together",
            "download or train again",
        )
