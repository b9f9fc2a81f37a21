"""mmengine's annotations indexed by tensors of any device: it knows those of a few by name.

`InstanceData[kept]` asks whether an index is a `torch.LongTensor`, `torch.cuda.LongTensor` or the
like, so that one on Apple's GPU is refused.
"""

import importlib
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor


class _OfBooleans(type):
    def __instancecheck__(cls, value: object) -> bool:
        return isinstance(value, Tensor) and value.dtype == torch.bool


class Mask(metaclass=_OfBooleans):
    """What `isinstance` says of a tensor of booleans, wherever it is."""


def take_any_device() -> None:
    """Let `InstanceData` be indexed by tensors of every device."""
    data: Any = importlib.import_module("mmengine.structures.instance_data")
    if Tensor not in data.IndexType.__args__:
        data.IndexType = SimpleNamespace(__args__=(*data.IndexType.__args__, Tensor))
        data.BoolTypeTensor = SimpleNamespace(__args__=(Mask,))
