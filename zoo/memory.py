"""Memory of this process: bytes held now and at most, and whether what is freed is kept."""

import ctypes
import platform
import sys
from pathlib import Path

STATUS = Path("/proc/self/status")
SWITCH = Path("/proc/self/clear_refs")
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD = -1, -2, -3  # mallopt(3)
_KEPT = (1 << 31) - 1  # bytes: the largest an int can say


def held() -> int | None:
    """Return what is resident now; nothing where the system does not say (Linux does)."""
    return _field("VmRSS")


def mapped() -> int | None:
    """Return what of `held` are pages of mapped files, which other processes may share."""
    return _field("RssFile")


def peak() -> int:
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


def restart_peak() -> None:
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


def _field(name: str) -> int | None:
    if not STATUS.exists():
        return None
    lines = STATUS.read_text(encoding="utf-8").splitlines()
    return 1024 * int(next(line for line in lines if line.startswith(name)).split()[1])
