"""One run in a process of its own: train, evaluate, write how it ended."""

import os
import shutil
import signal
import statistics
import sys
import traceback
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, cast

import torch
from filelock import FileLock, Timeout

from zoo.data.dataset import ImageDataset, hold_out
from zoo.device import keep_freed_memory, memory_peak
from zoo.errors import DataError, DivergedError, InterruptedRunError, UsageError
from zoo.experiments.measure import Measurement, measure_captions, measure_images
from zoo.experiments.outcome import CRASH, Outcome, write_outcome, write_values
from zoo.experiments.schedule import BUSY
from zoo.experiments.validation import validation_split
from zoo.files import parse_json, read_sealed, typed, write_sealed, write_text
from zoo.models.kinds import AnyEmbedder
from zoo.models.text_encoder import TextEncoder
from zoo.recipes.recipe import Recipe
from zoo.recipes.values import recipe_of
from zoo.runs.folder import BEST, CHECKPOINTS, RESULTS
from zoo.runs.record import Row, read_rows
from zoo.tasks import load_folder
from zoo.training.loop import train
from zoo.training.setup import build_network, load_encoder, read_data

INTERRUPTED = InterruptedRunError.code
SPENT = "spent.json"
LOOKED_AT_S = 1.0  # whoever looks for an open run holds its lock for a moment


@dataclass(frozen=True)
class _Spent:
    seconds: float
    memory_bytes: int


@dataclass(frozen=True)
class Job:
    """Everything a process needs to carry out one run, as plain values.

    `trains` False evaluates the pretrained network as it is. `parent`: when that process is gone,
    the run saves its state and stops; 0 never does.
    """

    run: str
    lock: str
    data: str
    recipe: Mapping[str, Any]
    stage: Literal["tuning", "final"]
    seed: int
    trains: bool
    validation: float
    threads: int
    device: str
    workers: int
    offline: bool
    on_bad_image: Literal["fail", "skip"]
    parent: int = 0


def perform(job: Job) -> Outcome:
    """Carry out a run, from where it was left; whatever goes wrong with it is its outcome.

    Raises:
        InterruptedRunError: a signal arrived; the state was saved.
    """
    try:
        return _perform(job, recipe_of(Recipe, job.recipe), Path(job.run))
    except InterruptedRunError:
        raise
    except DivergedError as error:
        return Outcome("diverged", str(error))
    except (UsageError, DataError) as error:
        return Outcome("unfit", str(error))
    except Exception as error:
        write_text(Path(job.run) / CRASH, traceback.format_exc())
        return Outcome("crashed", f"{type(error).__name__}: {error}")


def _perform(job: Job, recipe: Recipe, run: Path) -> Outcome:
    dataset = read_data(recipe, Path(job.data), job.on_bad_image)
    dataset = dataset if dataset.splits else hold_out(dataset)
    encoder = load_encoder(recipe, offline=job.offline, device=job.device)
    if job.stage == "tuning":
        captions = recipe.captions is not None
        seen = validation_split(dataset, job.validation, captions)
    else:
        seen = dataset.split("train")
    model = build_network(recipe, offline=job.offline, seed=job.seed)
    metrics, seconds = dict[str, float](), 0.0
    if job.trains:
        metrics, seconds = _train(recipe, seen, model, encoder, job)
        model = cast(AnyEmbedder, load_folder(run))
        refuse_divergence(model)
    seconds, memory = spent(run, seconds, peak_memory(job.device))
    if job.stage == "final":
        found = _measure(model, encoder, dataset, recipe, job)
        metrics = dict(found.metrics)
        write_values(run, found.per_query)
        _add_results(run, found)
    tidy(run, keep_weights=job.stage == "final")
    return Outcome("ok", "", metrics, seconds, step_seconds(run, recipe.batch.size), memory)


def _train(
    recipe: Recipe,
    dataset: ImageDataset,
    model: AnyEmbedder,
    encoder: TextEncoder | None,
    job: Job,
) -> tuple[dict[str, float], float]:
    try:
        result = train(
            recipe,
            dataset,
            model,
            Path(job.run),
            device=job.device,
            workers=job.workers,
            seed=job.seed,
            resume=True,
            listeners=[_Orphan(job.parent)],
            encoder=encoder,
        )
    except (UsageError, DataError):
        refuse_divergence(model)  # the evaluation met it first
        raise
    return result.metrics, result.seconds


def _measure(
    model: AnyEmbedder,
    encoder: TextEncoder | None,
    dataset: ImageDataset,
    recipe: Recipe,
    job: Job,
) -> Measurement:
    if encoder is not None:
        return measure_captions(model, encoder, dataset, device=job.device, workers=job.workers)
    return measure_images(model, dataset, recipe.batch, device=job.device, workers=job.workers)


def _add_results(run: Path, found: Measurement) -> None:
    """Put the evaluation into the run's results, where cards read it."""
    path = run / RESULTS
    noted = read_sealed(path) if path.exists() else {}
    write_sealed(path, noted | dict(found.protocol))


def spent(run: Path, seconds: float, memory: int) -> tuple[float, int]:
    """Return a run's training time and peak memory, with those of a process that ended before.

    One that was killed between training and evaluation leaves nothing to train to the next.
    """
    path = run / SPENT
    if path.exists():
        before = typed(_Spent, read_sealed(path), path)
        seconds, memory = seconds + before.seconds, max(memory, before.memory_bytes)
    write_sealed(path, asdict(_Spent(seconds, memory)))
    return seconds, memory


def refuse_divergence(model: AnyEmbedder) -> None:
    """Raise when a weight is not finite.

    Raises:
        DivergedError: naming it.
    """
    for name, tensor in model.state_dict().items():
        if not tensor.isfinite().all():
            raise DivergedError(f"the weights {name} are not finite after training")


def step_seconds(run: Path, batch_size: int) -> float:
    """Return the median time of an update, from the run's record; 0 when it is too short."""
    rows = [row for row in read_rows(run) if "images_per_second" in row]
    warm = rows[1:] or rows
    return statistics.median(batch_size / row["images_per_second"] for row in warm) if warm else 0.0


def peak_memory(device: str) -> int:
    """Return the most memory this process has held, in bytes: on the GPU, or resident."""
    return torch.cuda.max_memory_allocated(device) if device.startswith("cuda") else memory_peak()


def tidy(run: Path, *, keep_weights: bool) -> None:
    """Remove what a finished run needs no more: some 100 MB of checkpoints for a small network."""
    for name in (CHECKPOINTS, BEST, "tensorboard"):
        shutil.rmtree(run / name, ignore_errors=True)
    (run / SPENT).unlink(missing_ok=True)
    if not keep_weights:
        (run / "model.safetensors").unlink(missing_ok=True)


class _Orphan:
    """Asks this process to save and stop once the one that started it is gone."""

    def __init__(self, parent: int) -> None:
        self.parent = parent

    def __call__(self, row: Row) -> None:  # noqa: ARG002
        if self.parent and os.getppid() != self.parent:
            os.kill(os.getpid(), signal.SIGTERM)


def main() -> int:
    """Carry out the job on stdin, unless another process does; write its outcome."""
    job = typed(Job, parse_json(sys.stdin.read(), "job"), "job")
    torch.set_num_threads(job.threads)
    keep_freed_memory()
    try:
        with FileLock(job.lock).acquire(timeout=LOOKED_AT_S):
            write_outcome(Path(job.run), job.recipe, perform(job))
    except Timeout:
        return BUSY
    except InterruptedRunError:
        return INTERRUPTED
    return 0


if __name__ == "__main__":
    sys.exit(main())
