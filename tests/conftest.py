"""What every test shares: one thread a process, a fixed seed."""

import os

import pytest
import torch

# One test process runs on each core; threads of their own would only wait for each other.
torch.set_num_threads(1)
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)
