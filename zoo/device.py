"""Where to compute: which device, what torchrun told, and the memory this process takes."""

import ctypes
import os
import platform
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar, cast

import torch
from torch import Tensor

from zoo.errors import UsageError

Compute = TypeVar("Compute", bound=Callable[..., Any])

WITHOUT_DOUBLES = ("mps",)  # kinds of device that refuse float64
KINDS = "auto, cpu, cuda, cuda:N or mps"
STATUS = Path("/proc/self/status")
SWITCH = Path("/proc/self/clear_refs")
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD = -1, -2, -3  # mallopt(3)
_KEPT = (1 << 31) - 1  # bytes: the largest an int can say


def pick_device(name: str = "auto") -> str:
    """Return a device that exists on this machine, and make it the current one.

    `auto` is a GPU of CUDA or ROCm, else Apple's (MPS), else the CPU. Under torchrun each process
    takes the GPU of its `LOCAL_RANK`, for `auto` and `cuda` alike.

    Raises:
        UsageError: the name is no device, or it is not here.
    """
    device = _parsed(_automatic() if name == "auto" else name)
    if device.type == "cuda":
        index = told("LOCAL_RANK", 0) if device.index is None else device.index
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
        card = torch.cuda.get_device_properties(told("LOCAL_RANK", 0))
        count = torch.cuda.device_count()
        return f"cuda, {card.name}, {card.total_memory / 1e9:.0f} GB, {count} of them"
    if name == "mps":
        return "mps, Apple's GPU"
    return f"cpu, {torch.get_num_threads()} threads, {torch.backends.cpu.get_cpu_capability()}"


def told(name: str, alone: int) -> int:
    """Return a number of the environment, such as `WORLD_SIZE`; `alone` where it is unset.

    Raises:
        UsageError: it is not such a number.
    """
    value = os.environ.get(name, str(alone))
    if not value.isdecimal() or int(value) < alone:
        raise UsageError(f"{name} is {value!r}, not a number from {alone}", "torchrun sets it")
    return int(value)


def memory_held() -> int | None:
    """Return what is resident now; nothing where the system does not say (Linux does)."""
    return _field("VmRSS")


def memory_mapped() -> int | None:
    """Return what of `memory_held` are pages of mapped files, which other processes may share."""
    return _field("RssFile")


def memory_peak() -> int:
    """Return the most that was resident, mapped file pages included, since the last restart."""
    found = _field("VmHWM")  # a child's ru_maxrss starts at what its parent held when it forked
    if found is not None:
        return found
    if sys.platform == "win32":
        import psutil

        return int(psutil.Process().memory_info().peak_wset)
    import resource

    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used if sys.platform == "darwin" else 1024 * used


def restart_memory_peak() -> None:
    """Count the peak from now on, where the system can (Linux)."""
    if SWITCH.exists():
        SWITCH.write_text("5", encoding="ascii")


def keep_freed_memory() -> bool:
    """Let glibc keep what a batch frees, for the next batch; return whether it agreed.

    By default each block over 32 MB is given back to the kernel and faulted in anew, page by page:
    0.70 s became 0.59 s, the mean of nine steps of a partly frozen EfficientNet-Lite0 on 128 images
    of 64 px; an index of 480 images with it, from 28.5 s to 11.7 s (one thread of a 2-core CPU,
    while other work ran).
    Elsewhere than on Linux with glibc nothing is changed.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    wanted = {_MMAP_THRESHOLD: 1 << 30, _TRIM_THRESHOLD: _KEPT, _TOP_PAD: 1 << 28}
    agreed = [mallopt(option, value) for option, value in wanted.items()]
    return agreed == [1, 1, 1]


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


def _field(name: str) -> int | None:
    if not STATUS.exists():
        return None
    lines = STATUS.read_text(encoding="utf-8").splitlines()
    return 1024 * int(next(line for line in lines if line.startswith(name)).split()[1])
