"""What a run adds to mmengine's loop: plain checkpoints, a record, and progress."""

import json
import logging
import random
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.hooks import Hook
from mmengine.registry import HOOKS

from zoo.data.samplers import mixed_seed
from zoo.progress import Track

LOG = logging.getLogger("rankzoo")


@HOOKS.register_module()
class PlainCheckpointHook(Hook):  # type: ignore[misc]
    """Keeps checkpoints to tensors and plain values, which load without unpickling objects.

    mmengine would store its log history (objects, and `getattr` with them) and, on loading, run a
    configuration found in the file as Python. Neither is needed to go on.
    """

    priority = "VERY_LOW"
    KEPT = ("epoch", "iter", "seed", "experiment_name", "mmengine_version")

    def before_save_checkpoint(self, runner: Any, checkpoint: dict[str, Any]) -> None:  # noqa: ARG002
        """Drop everything that is not plain."""
        checkpoint["message_hub"] = {"log_scalars": {}, "runtime_info": {}, "resumed_keys": {}}
        meta = checkpoint["meta"]
        checkpoint["meta"] = {key: meta[key] for key in self.KEPT if key in meta}

    def after_load_checkpoint(self, runner: Any, checkpoint: dict[str, Any]) -> None:  # noqa: ARG002
        """Drop what mmengine would execute."""
        meta = checkpoint.get("meta", {})
        checkpoint["meta"] = {key: meta[key] for key in self.KEPT if key in meta}


@HOOKS.register_module()
class EpochSeedHook(Hook):  # type: ignore[misc]
    """Seeds every generator from (seed, epoch, process) at the start of an epoch.

    A run that goes on after an epoch then flips images and samples regions as the run that was
    not stopped: both end with the same weights.
    """

    priority = "VERY_HIGH"

    def before_train_epoch(self, runner: Any) -> None:
        """Seed Python's, NumPy's and torch's generators."""
        seed = mixed_seed(runner.seed, runner.epoch, runner.rank) % 2**32
        random.seed(seed)
        np.random.seed(seed)  # noqa: NPY002 (mmdetection's transforms draw from this one)
        torch.manual_seed(seed)


class RecordHook(Hook):  # type: ignore[misc]
    """Appends the losses of every few steps to `metrics.jsonl`, and moves the progress on.

    Rows are those of `zoo.runs.record`: "step", then numbers by name.
    """

    def __init__(self, run: Path, name: str, track: Track, every: int = 10) -> None:
        self.path = run / "metrics.jsonl"
        self.name = name
        self.track = track
        self.every = every
        self.seconds: list[float] = []

    def before_train(self, runner: Any) -> None:
        """Drop rows that a later, lost part of the run wrote; catch up with the progress."""
        lines = self.path.read_text(encoding="utf-8").splitlines() if self.path.exists() else []
        kept = [line for line in lines if line.endswith("}")]
        kept = [line for line in kept if json.loads(line)["step"] <= runner.iter]
        self.path.write_text("".join(line + "\n" for line in kept), encoding="utf-8")
        total = runner.max_iters
        self.progress = iter(self.track(range(total), self.name, total))
        for _ in range(runner.iter):
            next(self.progress, None)

    def before_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None) -> None:  # noqa: ARG002
        """Start the clock of a step."""
        self.started = time.perf_counter()

    def after_train_iter(
        self,
        runner: Any,
        batch_idx: int,  # noqa: ARG002
        data_batch: Any = None,  # noqa: ARG002
        outputs: dict[str, Any] | None = None,
    ) -> None:
        """Note the step."""
        self.seconds.append(time.perf_counter() - self.started)
        next(self.progress, None)
        step = runner.iter + 1
        if step % self.every and step != runner.max_iters:
            return
        losses = {
            name: float(value.detach()) for name, value in (outputs or {}).items() if _is_one(value)
        }
        row = {"step": step, **losses, "lr": runner.optim_wrapper.get_lr()["lr"][0]}
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")


def _is_one(value: Any) -> bool:
    return isinstance(value, torch.Tensor) and value.numel() == 1
