"""Training a detector: mmengine's Runner under our run folder, from data to published weights."""

import json
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors.torch import load_file
from torch import Tensor, nn

from zoo.cards.model_files import WEIGHTS
from zoo.detection.annotations import Part, find_part
from zoo.detection.evaluation import evaluate_part
from zoo.detection.runner import runner_of, training_config
from zoo.detection.storage import save_detector
from zoo.errors import DataError, UsageError
from zoo.files import refuse_to_overwrite, write_json
from zoo.hub.resolve import resolve_model
from zoo.progress import Track, silent
from zoo.recipes.detector import DetectionRecipe, from_json, to_json

LOG = logging.getLogger("rankzoo")
CHECKPOINTS = "checkpoints"


@dataclass(frozen=True)
class DetectionRun:
    """Where the run is, the metrics of its test part, and the seconds and steps it trained."""

    run: Path
    metrics: dict[str, float]
    seconds: float
    step_seconds: float


def train_detector(
    recipe: DetectionRecipe,
    data: Path,
    out: Path,
    *,
    device: str = "cpu",
    workers: int = 0,
    seed: int = 0,
    resume: bool = False,
    offline: bool = False,
    track: Track = silent,
) -> DetectionRun:
    """Train, evaluate, and leave a model folder in `out`; with `resume` go on after the last epoch.

    A resumed run ends with the weights of one that was never stopped, bit for bit on the CPU.

    Raises:
        DataError: annotations are broken, or the test part has other labels.
        UsageError: `out` holds something else, or mmdetection is not installed.
    """
    parts = [find_part(data, recipe.layout, name, recipe.bad_boxes) for name in recipe.train]
    test = find_part(data, recipe.layout, recipe.test, recipe.bad_boxes)
    labels = _shared_labels([*parts, test])
    for part in (p for p in parts if p.bad_boxes):
        LOG.warning(f"{part.annotations}: {part.bad_boxes} boxes without area are left out")
    _begin(out, recipe, resume)
    config = training_config(
        recipe, parts, labels, work=out / CHECKPOINTS, workers=workers, seed=seed
    )
    start = time.perf_counter()
    model, step_seconds = _fit(config, recipe, out, device, resume, offline, track)
    save_detector(out, recipe, labels, model.state_dict())
    metrics, name = evaluate_part(out, test, device=device, workers=workers)
    seconds = time.perf_counter() - start
    results = {"protocol": name, "metrics": metrics, "seed": seed, "seconds": seconds}
    write_json(out / "results.json", {**results, "seconds_per_step": step_seconds})
    return DetectionRun(out, metrics, seconds, step_seconds)


def load_backbone(model: nn.Module, state: Mapping[str, Tensor], source: Path) -> None:
    """Load an image classifier's ResNet into a detector; the names are torchvision's and timm's.

    Raises:
        DataError: it is not the ResNet that the recipe names.
    """
    wanted: Any = model.backbone
    missing, _ = wanted.load_state_dict(dict(state), strict=False)
    absent = [name for name in missing if not name.endswith("num_batches_tracked")]
    if absent:
        raise DataError(f"{source}: no tensor {absent[0]}", "the recipe needs another ResNet")


def _fit(
    config: dict[str, Any],
    recipe: DetectionRecipe,
    out: Path,
    device: str,
    resume: bool,
    offline: bool,
    track: Track,
) -> tuple[nn.Module, float]:
    from zoo.detection.hooks import RecordHook

    with runner_of({**config, "resume": resume}, device) as runner:
        if recipe.backbone is not None:
            folder = resolve_model(recipe.backbone, offline=offline)
            load_backbone(runner.model, load_file(folder / WEIGHTS), folder)
        record = RecordHook(out, recipe.name, track)
        runner.register_hook(record)
        try:
            runner.train()
        except KeyboardInterrupt:
            LOG.warning(f"stopped; go on after the last epoch with --resume auto --out {out}")
            raise
        ordered = sorted(record.seconds)
        return runner.model, ordered[len(ordered) // 2] if ordered else 0.0


def _shared_labels(parts: list[Part]) -> tuple[str, ...]:
    labels = parts[0].labels
    if parts[0].layout == "voc":
        union = {label for part in parts for label in part.labels}
        labels = max((part.labels for part in parts), key=len)
        if set(labels) != union:
            labels = tuple(sorted(union))
        return labels
    for part in parts[1:]:
        if part.labels != labels:
            other = next(iter(set(part.labels) ^ set(labels)), "their order")
            raise DataError(
                f"{part.annotations}: other categories than {parts[0].annotations}: {other}"
            )
    return labels


def _begin(out: Path, recipe: DetectionRecipe, resume: bool) -> None:
    written = out / "recipe.json"
    if not (resume and written.is_file()):
        refuse_to_overwrite(out)
        write_json(written, to_json(recipe))
        return
    if from_json(json.loads(written.read_text(encoding="utf-8"))) != recipe:
        raise UsageError(f"{out} was trained with another recipe", f"see {written}")
