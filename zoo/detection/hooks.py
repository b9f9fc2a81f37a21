"""What a run adds to mmengine's loop: plain checkpoints, a record, and progress."""

import random
import time
from typing import Any

import numpy as np
import torch
from mmengine.hooks import Hook
from mmengine.registry import HOOKS

from zoo.data.samplers import mixed_seed
from zoo.runs.fingerprint import check_fingerprint
from zoo.runs.lifecycle import Run
from zoo.training.epochs import warn_of_warmup


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
    """Tells the run what mmengine does: its updates, the losses of every few, its checkpoints.

    Rows are those of `zoo.runs.record`: "step", then numbers by name.
    """

    def __init__(self, run: Run, fingerprint: dict[str, Any], every: int = 10) -> None:
        self.run, self.fingerprint, self.every = run, fingerprint, every
        self.seconds: list[float] = []

    def before_save_checkpoint(self, runner: Any, checkpoint: dict[str, Any]) -> None:  # noqa: ARG002
        """Write down what beside the recipe a run must have in common with this one to go on."""
        checkpoint["run"] = self.fingerprint

    def after_load_checkpoint(self, runner: Any, checkpoint: dict[str, Any]) -> None:  # noqa: ARG002
        """Refuse a checkpoint of other data or another seed."""
        check_fingerprint(self.run.out, checkpoint.get("run"), self.fingerprint)

    def before_train(self, runner: Any) -> None:
        """Open the record, from here on heed signals, catch up with the progress."""
        self.run.open_record(runner.iter)
        self.run.watch_signals()
        if runner.iter:
            self.run.updated()
        warn_of_warmup(self.run.recipe.schedule.warmup_steps, runner.max_iters)
        total, name = runner.max_iters, f"train {self.run.recipe.name}"
        self.progress = iter(self.run.options.track(range(total), name, total))
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
        """Note the step; stop when a signal asked for it."""
        self.seconds.append(time.perf_counter() - self.started)
        next(self.progress, None)
        self.run.updated()
        step, steps = runner.iter + 1, runner.max_iters
        if step % self.every == 0 or step == steps:
            losses = {
                name: float(value.detach())
                for name, value in (outputs or {}).items()
                if _is_one(value)
            }
            rate = runner.optim_wrapper.get_lr()["lr"][0]
            self.run.record({"step": step, **losses, "learning_rate": rate})
        if self.run.stopping and step < steps:
            raise self.run.interrupted(f"after step {step} of {steps}; whole epochs are kept in")


def _is_one(value: Any) -> bool:
    return isinstance(value, torch.Tensor) and value.numel() == 1
