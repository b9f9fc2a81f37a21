"""Where to compute: the one place that chooses a device."""

import os
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

import torch
from torch import Tensor

from zoo.errors import UsageError

Compute = TypeVar("Compute", bound=Callable[..., Any])

WITHOUT_DOUBLES = ("mps",)  # kinds of device that refuse float64
KINDS = "auto, cpu, cuda, cuda:N or mps"


def pick_device(name: str = "auto") -> str:
    """Return a device that exists on this machine, and make it the current one.

    `auto` is a GPU of CUDA or ROCm, else Apple's (MPS), else the CPU. Under torchrun each process
    takes the GPU of its `LOCAL_RANK`, for `auto` and `cuda` alike.

    Raises:
        UsageError: the name is no device, or it is not here.
    """
    device = _parsed(_automatic() if name == "auto" else name)
    if device.type == "cuda":
        index = _local_rank() if device.index is None else device.index
        if index >= (count := torch.cuda.device_count()):
            raise UsageError(
                f"--device cuda:{index}: this machine has {count} such devices",
                "start as many processes as it has GPUs, or use --device cpu",
            )
        torch.cuda.set_device(index)
        return f"cuda:{index}"
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise UsageError("--device mps: not on this machine", "use --device cpu")
    return str(device)


def sent(batch: Tensor, device: torch.device | str) -> Tensor:
    """Return a batch of the CPU on a device; to a GPU it is copied while this process goes on.

    From page-locked memory, which a GPU reads by itself: from other memory the copy would wait.
    """
    if torch.device(device).type == "cuda":
        return batch.pin_memory().to(device, non_blocking=True)
    return batch.to(device)


def widest(device: torch.device) -> torch.dtype:
    """Return float64, or float32 on a device that has none."""
    return torch.float32 if device.type in WITHOUT_DOUBLES else torch.float64


def with_doubles(*tensors: Tensor) -> tuple[Tensor, ...]:
    """Return tensors where float64 exists: themselves, or copies on the CPU where there is none."""
    if tensors[0].device.type in WITHOUT_DOUBLES:
        return tuple(tensor.cpu() for tensor in tensors)
    return tensors


def needs_doubles(compute: Compute) -> Compute:
    """Let `compute` run on the CPU where there is no float64; its results return to the device."""

    @wraps(compute)
    def run(*args: Any, **options: Any) -> Any:
        tensors = [part for part in (*args, *options.values()) if isinstance(part, Tensor)]
        if all(part.device.type not in WITHOUT_DOUBLES for part in tensors):
            return compute(*args, **options)
        home = tensors[0].device
        named = {name: _moved(part, "cpu") for name, part in options.items()}
        found = compute(*(_moved(part, "cpu") for part in args), **named)
        parts = found if isinstance(found, tuple) else (found,)
        there = tuple(_moved(part, home) for part in parts)
        return there if isinstance(found, tuple) else there[0]

    return cast(Compute, run)


def describe_device() -> str:
    """Say what `auto` takes here, and what it has."""
    name = _automatic()
    if name == "cuda":
        card, count = torch.cuda.get_device_properties(_local_rank()), torch.cuda.device_count()
        return f"cuda, {card.name}, {card.total_memory / 1e9:.0f} GB, {count} of them"
    if name == "mps":
        return "mps, Apple's GPU"
    return f"cpu, {torch.get_num_threads()} threads, {torch.backends.cpu.get_cpu_capability()}"


def _moved(part: Any, device: torch.device | str) -> Any:
    return part.to(device) if isinstance(part, Tensor) else part


def _automatic() -> str:
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _parsed(name: str) -> torch.device:
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise UsageError(f"--device {name}: no such device", KINDS) from error
    if device.type not in ("cpu", "cuda", "mps"):
        raise UsageError(f"--device {name}: not a device to compute on", KINDS)
    return device


def _local_rank() -> int:
    return int(os.environ.get("LOCAL_RANK", "0"))
