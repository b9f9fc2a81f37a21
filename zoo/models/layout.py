"""The layout of weights in memory that a CPU's convolutions are fastest in: channels last."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

CONVOLUTIONS = (nn.Conv2d, nn.ConvTranspose2d)


def lay_channels_last(model: nn.Module) -> list[Tensor]:
    """Lay the weights of convolutions on a CPU channels last; return those that were not.

    Only these weights: torch lets a batch of images follow them through the whole network, and code
    that `view`s other tensors finds them as they were. The results agree up to rounding. On
    other devices nothing is changed: whether it pays there depends on the card and on the
    precision.
    """
    parts = (part for part in model.modules() if isinstance(part, CONVOLUTIONS))
    changed = [part.weight for part in parts if _waits(part.weight)]
    _lay(changed, torch.channels_last)
    return changed


@contextmanager
def channels_last(model: nn.Module) -> Iterator[None]:
    """Lay a model's weights channels last for a while: a model goes back as it came.

    Its caller may write its tensors with `safetensors`, which takes no other layout than the usual.
    """
    changed = lay_channels_last(model)
    try:
        yield
    finally:
        _lay(changed, torch.contiguous_format)


def _lay(weights: Iterable[Tensor], layout: torch.memory_format) -> None:
    with torch.inference_mode(False):  # what is made in that mode can never be trained again
        for weight in weights:
            weight.data = weight.data.contiguous(memory_format=layout)


def _waits(weight: Tensor) -> bool:
    usual = not weight.is_contiguous(memory_format=torch.channels_last)
    return weight.device.type == "cpu" and usual
