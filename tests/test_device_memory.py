"""Memory a step frees is still there for the next one."""

import platform
import subprocess
import sys

FAULTS = """
import resource, sys
import torch
from zoo.device import keep_freed_memory

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

agreed = sys.argv[1] == "kept" and keep_freed_memory()
for _ in range(12):  # blocks move until those that are kept fit
    torch.ones(16 << 20)
before = faults()
for _ in range(8):
    torch.ones(16 << 20)
print(int(agreed), faults() - before)
"""


def faults(mode: str) -> tuple[int, int]:
    command = [sys.executable, "-c", FAULTS, mode]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    agreed, count = done.stdout.split()
    return int(agreed), int(count)


def test_a_freed_block_is_not_faulted_in_again() -> None:
    _, default = faults("default")
    agreed, kept = faults("kept")
    assert agreed == (platform.libc_ver()[0] == "glibc")
    if agreed:
        assert kept < default / 4
