"""Memory of this process, in bytes: held now, and held at most."""

import sys
from pathlib import Path

STATUS = Path("/proc/self/status")
SWITCH = Path("/proc/self/clear_refs")


def held() -> int | None:
    """Return what is resident now; nothing where the system does not say (Linux does)."""
    return _field("VmRSS")


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


def _field(name: str) -> int | None:
    if not STATUS.exists():
        return None
    lines = STATUS.read_text(encoding="utf-8").splitlines()
    return 1024 * int(next(line for line in lines if line.startswith(name)).split()[1])
