"""mmengine's Runner for a recipe: its configuration, and a quiet place to run it in."""

import contextlib
import io
from collections.abc import Iterator
from multiprocessing.pool import ThreadPool
from pathlib import Path
from typing import Any

from zoo.data.boxes.boxed import BoxedSet
from zoo.data.workers import start_method
from zoo.detection.bridge import import_quietly, without_warnings
from zoo.detection.files import write_part
from zoo.detection.network import network_config
from zoo.detection.pipeline import evaluator, testing_loader, training_loader
from zoo.errors import DataError
from zoo.recipes.detector import DetectionRecipe
from zoo.runs.options import RunOptions
from zoo.training.distributed import World

# Buffers are a loss's memory of its own lists; the device is the process's already.
_SEVERAL = {
    "launcher": "pytorch",
    "model_wrapper_cfg": {
        "type": "MMDistributedDataParallel",
        "device_ids": None,
        "broadcast_buffers": False,
    },
}
KEPT_CHECKPOINTS = 2  # mmengine removes the oldest before it writes the next


def training_config(
    recipe: DetectionRecipe,
    parts: list[BoxedSet],
    labels: tuple[str, ...],
    work: Path,
    how: RunOptions,
    world: World = World(),
) -> dict[str, Any]:
    """Return the whole configuration of a training run, in mmdetection's language.

    The parts are written to `work`, where mmdetection reads them. Each process of `world` takes its
    share of a batch.

    Raises:
        UsageError: the batch cannot be shared evenly.
    """
    share = world.part(recipe.batch.size)
    files = [
        write_part(part.relabelled(labels), work / "annotations" / f"train-{number}.json")
        for number, part in enumerate(parts)
    ]
    return {
        **_common(recipe, labels, work, how.seed),
        **(_SEVERAL if world.size > 1 else {}),
        "train_dataloader": {
            **training_loader(recipe, files, labels, how.workers),
            "batch_size": share.stop - share.start,
        },
        "train_cfg": {"type": "EpochBasedTrainLoop", "max_epochs": recipe.schedule.epochs},
        "optim_wrapper": _optimiser(recipe),
        "param_scheduler": _schedule(recipe),
        "default_hooks": {
            "param_scheduler": {"type": "ParamSchedulerHook"},
            "sampler_seed": {"type": "DistSamplerSeedHook"},
            "checkpoint": {
                "type": "CheckpointHook",
                "interval": 1,
                "max_keep_ckpts": KEPT_CHECKPOINTS,
            },
        },
        "custom_hooks": [{"type": "EpochSeedHook"}, {"type": "PlainCheckpointHook"}],
    }


def testing_config(
    recipe: DetectionRecipe, part: BoxedSet, labels: tuple[str, ...], *, work: Path, workers: int
) -> dict[str, Any]:
    """Return the configuration that evaluates a part, which is written to `work`."""
    file = write_part(part.relabelled(labels), work / "annotations" / "test.json")
    return {
        **_common(recipe, labels, work, seed=0),
        "test_dataloader": testing_loader(recipe, file, labels, workers),
        "test_cfg": {"type": "TestLoop"},
        "test_evaluator": [evaluator(part, file), {"type": "BestF1"}],
    }


@contextlib.contextmanager
def runner_of(config: dict[str, Any], device: str) -> Iterator[Any]:
    """Yield the Runner of a configuration, without what it and its packages print."""
    import_quietly("mmdet.models", "mmdet.datasets", "mmdet.evaluation", "mmdet.engine")
    import mmdet.evaluation.functional.mean_ap as mean_ap
    import mmengine.device.utils as devices
    from mmengine.config import Config
    from mmengine.logging import MMLogger
    from mmengine.runner import Runner

    import zoo.detection.heads
    import zoo.detection.hooks
    import zoo.detection.loading
    import zoo.detection.threshold  # noqa: F401

    before, devices.DEVICE = devices.DEVICE, device.partition(":")[0]
    # VOC's metric opens a pool of processes; where they start anew, each imports torch for a few
    # matrices, and one started by a script without a main module never answers. Threads do.
    pool, mean_ap.Pool = mean_ap.Pool, ThreadPool
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            with without_warnings():
                runner = Runner.from_cfg(Config(config))
            yield runner
    except DataError as error:
        raise _without_traceback(error) from error
    finally:
        devices.DEVICE, mean_ap.Pool = before, pool
        for logger in list(MMLogger._instance_dict.values()):  # they hold the log files open
            for handler in list(logger.handlers):
                handler.close()
                logger.removeHandler(handler)


def _without_traceback(error: DataError) -> DataError:
    """Return the error as one line: a worker's arrives with its traceback as the message."""
    last = str(error).strip().splitlines()[-1]
    hint = error.hint or "replace or remove the file, or leave it out with --on-bad-image skip"
    return DataError(last.removeprefix(f"{DataError.__module__}.DataError: "), hint)


def _common(
    recipe: DetectionRecipe, labels: tuple[str, ...], work: Path, seed: int
) -> dict[str, Any]:
    return {
        "model": network_config(recipe, len(labels)),
        "default_scope": "mmdet",
        "work_dir": str(work),
        "experiment_name": f"{recipe.name}-{abs(hash(str(work)))}",
        "randomness": {"seed": seed},
        "log_level": "CRITICAL",
        "env_cfg": {"mp_cfg": {"mp_start_method": start_method(), "opencv_num_threads": 0}},
        "visualizer": {"type": "Visualizer"},
    }


def _optimiser(recipe: DetectionRecipe) -> dict[str, Any]:
    rates: dict[str, Any] = {
        "lr": recipe.optimiser.lr,
        "weight_decay": recipe.optimiser.weight_decay,
    }
    if recipe.optimiser.name == "sgd":
        rates.update(type="SGD", momentum=recipe.optimiser.momentum)
    else:
        rates.update(type="AdamW")
    clip = (
        {"max_norm": recipe.optimiser.clip_norm, "norm_type": 2}
        if recipe.optimiser.clip_norm
        else None
    )
    return {"type": "OptimWrapper", "optimizer": rates, "clip_grad": clip}


def _schedule(recipe: DetectionRecipe) -> list[dict[str, Any]]:
    steps: dict[str, Any] = {"type": "MultiStepLR", "by_epoch": True}
    steps["gamma"] = recipe.schedule.decay
    steps.update(begin=0, end=recipe.schedule.epochs, milestones=list(recipe.schedule.decay_at))
    if not recipe.schedule.warmup_steps:
        return [steps]
    warmup = {"type": "LinearLR", "start_factor": 0.001, "by_epoch": False, "begin": 0}
    return [{**warmup, "end": recipe.schedule.warmup_steps}, steps]
