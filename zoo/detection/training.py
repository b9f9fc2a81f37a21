"""Training a detector: mmengine's Runner in our run folder, from data to published weights."""

import json
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any, Unpack

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from zoo.cards.model_files import WEIGHTS
from zoo.data.boxes.boxed import BoxedSet, Policies, Policy
from zoo.data.item import Skipped
from zoo.data.validation import write_skipped
from zoo.detection.annotations import find_part
from zoo.detection.evaluation import evaluate_part
from zoo.detection.runner import runner_of, training_config
from zoo.detection.storage import keep_threshold, save_detector
from zoo.errors import DataError, UnavailableError
from zoo.hub.resolve import resolve_model
from zoo.recipes.detector import DetectionRecipe
from zoo.recipes.own_boxes import OWN, fitted
from zoo.runs.folder import CHECKPOINTS, RunResult
from zoo.runs.lifecycle import Processes, Run
from zoo.runs.options import RunKeywords, RunOptions
from zoo.training.distributed import World, join_world, leave_world

LOG = logging.getLogger("rankzoo")
UNSEEN = "held-out images (the start was not measured: its head knew none of the classes)"


@dataclass(frozen=True)
class DetectionData:
    """The annotated parts that are trained on, the one that is tested on, and their labels."""

    training: tuple[BoxedSet, ...]
    test: BoxedSet
    labels: tuple[str, ...]

    @property
    def sizes(self) -> list[tuple[int, int]]:
        """Width and height of every training image."""
        return [(i.width, i.height) for part in self.training for i in part.images]

    @property
    def skipped(self) -> list[Skipped]:
        """The images that were left out, of all parts."""
        return [one for part in (*self.training, self.test) for one in part.skipped]


def read_parts(recipe: DetectionRecipe, data: Path, on_bad_image: Policy = "fail") -> DetectionData:
    """Read and check every annotation and image that a recipe trains or tests on.

    Raises:
        DataError: annotations or images are broken, there is nothing to learn or to measure, or the
            test part has other labels.
    """
    told = recipe.data
    policies = Policies(told.bad_boxes, on_bad_image)
    parts = [find_part(data, told.layout, name, policies) for name in told.train]
    test = find_part(data, told.layout, told.test, policies)
    return DetectionData(tuple(parts), test, _shared_labels(parts, test))


def train_detector(
    recipe: DetectionRecipe,
    data: Path,
    out: Path,
    *,
    offline: bool = False,
    on_bad_image: Policy = "fail",
    **options: Unpack[RunKeywords],
) -> RunResult:
    """Train, evaluate, and leave a model folder in `out`.

    The options are those of `RunOptions`; a resumed run goes on after its last whole epoch. Of
    several processes (torchrun) each ranks its share of every batch in a list of its own, and
    gradients are averaged, as the authors train; the first one measures and has the metrics.

    Raises:
        DataError: annotations are broken, or the test part has other labels.
        UsageError: `out` holds something else, or mmdetection is not installed.
        InterruptedRunError: a signal arrived; whole epochs are kept.
    """
    how = RunOptions(**options)
    found = read_parts(recipe, data, on_bad_image)
    recipe = with_backbone_there(fitted(recipe, found.sizes), offline=offline)
    device = torch.device(how.device)
    world = join_world(device)
    world.part(recipe.batch.size)  # refused before there is a folder
    processes = Processes(world.leads, lambda stop: world.any(stop, device))
    with Run(out, recipe, how, processes) as run:
        world.wait()  # until the first has made the folder
        model, steps, step_seconds = _fit(found, recipe, run, world, offline)
        leave_world()  # mmdetection's metrics would wait for the others
        if not world.leads:
            return RunResult(out, {}, run.seconds)
        save_detector(out, recipe, found.labels, model.state_dict())
        measured = evaluate_part(out, found.test, device=how.device, workers=how.workers)
        keep_threshold(out, measured.threshold)
        results: dict[str, Any] = {"protocol": measured.protocol, "metrics": measured.metrics}
        results |= {"f1": measured.f1, "threshold": measured.threshold}
        results["seconds_per_step"] = step_seconds
        write_skipped(out / "skipped.json", found.skipped)
        run.finish(results, steps)
    return RunResult(
        out, measured.metrics, run.seconds, measured_on=f"{found.test.count:,} {UNSEEN}"
    )


def with_backbone_there(recipe: DetectionRecipe, *, offline: bool = False) -> DetectionRecipe:
    """Return a recipe for own boxes on weights that can be had: its own, else random ones."""
    if recipe.name != OWN or recipe.network.backbone is None:
        return recipe
    try:
        resolve_model(recipe.network.backbone, offline=offline)
    except UnavailableError as error:
        LOG.warning("%s; the backbone starts from random weights and needs many more epochs", error)
        return replace(recipe, network=replace(recipe.network, backbone=None))
    return recipe


def load_backbone(model: nn.Module, state: Mapping[str, Tensor], source: Path) -> None:
    """Load an image classifier into a detector's backbone; the names are torchvision's and timm's.

    Deformable convolutions take the weights of plain ones; their offsets start at zero.

    Raises:
        DataError: it is not the network that the recipe names.
    """
    backbone: Any = model.backbone
    wanted = getattr(backbone, "network", backbone)  # a timm network stands inside of one of ours
    own = wanted.state_dict()
    for name in own.keys() & state.keys():
        if own[name].shape != state[name].shape:
            shapes = f"{tuple(state[name].shape)}, not {tuple(own[name].shape)}"
            hint = "the recipe needs another backbone"
            raise DataError(f"{source}: {name} has the shape {shapes}", hint)
    missing, _ = wanted.load_state_dict(dict(state), strict=False)
    new = ("num_batches_tracked", "conv_offset.weight", "conv_offset.bias")
    absent = [name for name in missing if not name.endswith(new)]
    if absent:
        raise DataError(f"{source}: no tensor {absent[0]}", "the recipe needs another backbone")
    backbone.is_init = True  # mmengine would draw the backbone anew before the first update


def _fit(
    found: DetectionData, recipe: DetectionRecipe, run: Run, world: World, offline: bool
) -> tuple[nn.Module, int, float]:
    """Train; return the network, the number of updates, and the median seconds of one."""
    from zoo.detection.hooks import RecordHook

    how = run.options
    config = training_config(
        recipe,
        list(found.training),
        found.labels,
        run.out / CHECKPOINTS,
        how,
        world,
    )
    began = time.perf_counter()
    with runner_of({**config, "resume": how.resume}, how.device) as runner:
        if recipe.network.backbone is not None:
            folder = resolve_model(recipe.network.backbone, offline=offline)
            load_backbone(_unwrapped(runner.model), load_file(folder / WEIGHTS), folder)
        record = RecordHook(run, _fingerprint(found, how.seed))
        runner.register_hook(record)
        runner.train()
        run.watch_no_more()
        run.seconds = time.perf_counter() - began
        ordered = sorted(record.seconds)
        middle = ordered[len(ordered) // 2] if ordered else 0.0
        return _unwrapped(runner.model), runner.iter, middle


def _unwrapped(model: nn.Module) -> nn.Module:
    """Return the network inside of what averages gradients over processes."""
    return model.module if isinstance(model, DistributedDataParallel) else model


def _fingerprint(found: DetectionData, seed: int) -> dict[str, Any]:
    digest = sha256(json.dumps(found.labels).encode())
    for image in (image for part in found.training for image in part.images):
        digest.update(image.path.name.encode() + image.edges.tobytes() + image.labels.tobytes())
    count = sum(part.count for part in found.training)
    return {"items": count, "data": digest.hexdigest(), "seed": seed}


def _shared_labels(parts: list[BoxedSet], test: BoxedSet) -> tuple[str, ...]:
    """Return the labels of the training parts, in the order in which they are met."""
    labels = tuple(dict.fromkeys(label for part in parts for label in part.labels))
    if parts[0].layout in ("voc", "jsonl"):  # whose labels are those of the boxes, in no order
        together = dict.fromkeys((*labels, *test.labels))
        labels = next(
            (part.labels for part in (*parts, test) if set(part.labels) >= set(together)),
            tuple(sorted(together)),
        )
    test.relabelled(labels)
    return labels
