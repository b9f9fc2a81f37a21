"""A small Ray cluster in a process of its own, and what kills its workers."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn

ROOT = Path(__file__).parents[1]
ENVIRONMENT = {
    **os.environ,
    "PYTHONPATH": str(ROOT),
    "OMP_NUM_THREADS": "1",
    "RAY_BACKEND_LOG_LEVEL": "fatal",
    "RAY_AUTH_MODE": "disabled",  # a local cluster makes a token that only its own driver knows
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}
HOLD = """
import sys, ray
ray.init(num_cpus=2, include_dashboard=False, logging_level="ERROR", object_store_memory=2**27)
print(ray.get_runtime_context().gcs_address, flush=True)
sys.stdin.read()
ray.shutdown()
"""


@contextmanager
def running_cluster() -> Iterator[str]:
    """Yield the address of a cluster of two CPUs; it ends with the block."""
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    command = [sys.executable, "-W", "ignore", "-c", HOLD]
    with subprocess.Popen(command, env=ENVIRONMENT, stderr=subprocess.DEVNULL, **pipes) as holder:
        assert holder.stdout is not None
        address = next((line.strip() for line in holder.stdout if ":" in line), "")
        assert address, "Ray did not start"
        yield address


@contextmanager
def killed_when(due: Callable[[], bool], title: str) -> Iterator[list[int]]:
    """Kill -9 one process whose title begins so, once it is due; yield who was killed."""
    killed: list[int] = []
    over = threading.Event()

    def watch() -> None:
        while not over.is_set() and not killed:
            if due() and (found := processes(title)):
                os.kill(found[0], signal.SIGKILL)
                killed.append(found[0])
            time.sleep(0.01)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield killed
    finally:
        over.set()
        thread.join()


def processes(title: str) -> list[int]:
    """Ray's processes whose titles begin so."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cmdline").read_bytes().startswith(title.encode()):
                found.append(int(process.name))
        except OSError:
            continue
    return sorted(found)


class Slow(nn.Module):
    """Embeds an image as its mean colour, and takes its time."""

    dim = 3

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.eye(3))
        self.seconds = seconds

    def transform(self, image: Any) -> torch.Tensor:
        data = torch.frombuffer(bytearray(image.resize((8, 8)).tobytes()), dtype=torch.uint8)
        return data.reshape(64, 3).float().mean(dim=0) / 255

    def embed_images(self, images: list[Any]) -> torch.Tensor:
        raise NotImplementedError

    def forward(self, colours: torch.Tensor) -> torch.Tensor:
        time.sleep(self.seconds)
        return nn.functional.normalize(colours @ self.weight + 0.01, dim=1)


def load_slow(name: str, *, offline: bool, device: str) -> nn.Module:
    return Slow(float(name))


def train_killed_once(recipe: Any, options: Any) -> Any:
    """Train, but die as from `kill -9` in the sixth update, the first time."""
    from zoo.training import embedders, loop
    from zoo.training.trainer import Trainer

    marker = options.out.with_name("killed")

    class Killed(Trainer):
        made = 0

        def _apply(self) -> None:
            self.made += 1
            if self.made == 6 and self.world.leads and not marker.exists():
                marker.touch()
                os.kill(os.getpid(), signal.SIGKILL)
            super()._apply()

    setattr(loop, "Trainer", Killed)  # noqa: B010
    return embedders.train(recipe, options)
