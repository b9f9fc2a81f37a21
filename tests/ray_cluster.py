"""A small Ray cluster in a process of its own, and what kills its workers."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
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
    "RAY_worker_niceness": "0",  # by default 15: beside other work they would hardly run
    "RAY_memory_monitor_refresh_ms": "0",  # other work's memory is no fault of a worker here
}
HOLD = """
import sys, ray
ray.__version__ = sys.argv[1] or ray.__version__
for tries_left in (4, 3, 2, 1, 0):  # Ray gives its processes 30 s, too few on a busy machine
    try:
        how = {"include_dashboard": False, "logging_level": "ERROR"}
        ray.init(address="local", num_cpus=2, object_store_memory=2**27, **how)
        break
    except Exception:
        ray.shutdown()
        if not tries_left:
            raise
print(ray.get_runtime_context().gcs_address, flush=True)
sys.stdin.read()
ray.shutdown()
"""


@contextmanager
def running_cluster(version: str = "", **settings: str) -> Iterator[str]:
    """Yield the address of a cluster of two CPUs; it ends with the block.

    version: of Ray, that the cluster says it has. settings: of its processes' environment.
    """
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    pipes |= {"env": ENVIRONMENT | settings, "stderr": subprocess.DEVNULL}
    with subprocess.Popen([sys.executable, "-W", "ignore", "-c", HOLD, version], **pipes) as holder:
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
    """Ray's processes whose titles begin so, of clusters that these tests started, oldest first."""
    found: list[tuple[float, int]] = []
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            if " ".join(process.cmdline()).startswith(title):
                found.append((process.create_time(), process.pid))
    return [pid for _, pid in sorted(found)]


def command(*words: object) -> list[str]:
    """Return a command of rankzoo, to be run in a process of its own."""
    return [sys.executable, "-W", "ignore", "-m", "cli", *map(str, words)]


def killed_driver(due: Callable[[], object], *words: object) -> None:
    """Type a command and kill -9 its process once it is due."""
    with subprocess.Popen(command(*words), cwd=ROOT, env=ENVIRONMENT) as driver:
        while not due():
            assert driver.poll() is None, f"it ended with {driver.returncode}"
            time.sleep(0.02)
        driver.kill()


def said(*words: object) -> tuple[int, str]:
    """Type a command; return its exit code and the lines for a person."""
    pipes: dict[str, Any] = {"capture_output": True, "text": True, "cwd": ROOT, "env": ENVIRONMENT}
    done = subprocess.run(command(*words), check=False, **pipes)
    return done.returncode, done.stderr if done.returncode else done.stdout


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


def load_limited(name: str, *, offline: bool, device: str) -> nn.Module:
    """A model too large for a process that may have 64 MB more than it has."""
    import resource  # Windows has none

    before = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(
        resource.RLIMIT_DATA, (psutil.Process().memory_info().data + 2**26, before[1])
    )
    try:
        torch.ones(2**27)
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, before)
    raise AssertionError("there was room")


def load_hungry(name: str, *, offline: bool, device: str) -> nn.Module:
    """A model that takes more and more of the machine's memory, until Ray ends it."""
    held: list[torch.Tensor] = []
    while len(held) < 24 and psutil.virtual_memory().available > 2**29:
        held.append(torch.ones(2**26))  # 256 MB
        time.sleep(0.05)
    time.sleep(30)
    raise AssertionError("nobody ended this process")


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
