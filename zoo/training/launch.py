"""What the command line orders: a plan of a run, or the run."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch

from zoo.data.dataset import ImageDataset, OnBadImage, hold_out
from zoo.device import pick_device
from zoo.errors import DataError, UsageError
from zoo.progress import Track, silent
from zoo.recipes import Recipe
from zoo.recipes.own_images import OWN, fitted
from zoo.training.distributed import join_world, leave_world
from zoo.training.epochs import Epochs
from zoo.training.loader import build_sampler
from zoo.training.loop import train
from zoo.training.setup import build_network, load_encoder, read_data


@dataclass(frozen=True)
class Order:
    """Everything `rankzoo train` was told, the recipe already complete."""

    recipe: Recipe
    data: Path | None
    out: Path
    seed: int = 0
    resume: str = "no"
    on_bad_image: str = "fail"
    device: str = "auto"
    workers: int = 0
    offline: bool = False

    def __post_init__(self) -> None:
        _require("--resume", self.resume, ("no", "auto"))
        _require("--on-bad-image", self.on_bad_image, ("fail", "skip"))

    def dataset(self) -> ImageDataset:
        """Read the data; hold classes out when it names no splits."""
        if self.data is None:
            raise UsageError(
                "no data", f"give --data, for example --data {self.recipe.data.reader}/"
            )
        found = read_data(self.recipe, self.data, cast(OnBadImage, self.on_bad_image))
        return found if found.splits else hold_out(found)


def plan(order: Order) -> dict[str, Any]:
    """Say what a run would do, after reading the data and before finding any weights."""
    dataset = order.dataset()
    training = dataset.split("train")
    recipe = _fitted(order.recipe, training)
    sampler = build_sampler(recipe.batch, training.label_ids, order.seed)
    return {
        "run": str(order.out),
        "recipe": recipe.name,
        "backbone": recipe.network.backbone,
        "training_images": len(training),
        "training_classes": len(torch.unique(training.label_ids[:, 0])),
        "evaluation_images": len(dataset) - len(training),
        "batch": recipe.batch.size,
        "images_at_once": recipe.batch.chunk or recipe.batch.size,
        "steps_per_epoch": sampler.length(0),
        "steps": Epochs(sampler, recipe.schedule).steps,
    }


def execute(order: Order, track: Track = silent) -> dict[str, Any] | None:
    """Train; return the result, or nothing in a process that does not lead."""
    device = pick_device(order.device)
    dataset = order.dataset()
    recipe = _fitted(order.recipe, dataset.split("train"))
    world = join_world(torch.device(device))
    try:
        network = build_network(recipe, offline=order.offline, seed=order.seed, track=track)
        result = train(
            recipe,
            dataset,
            network,
            order.out,
            device=device,
            workers=order.workers,
            seed=order.seed,
            resume=order.resume == "auto",
            track=track if world.leads else silent,
            encoder=load_encoder(recipe, offline=order.offline, device=device, track=track),
        )
    finally:
        leave_world()
    if not world.leads:
        return None
    return {"run": str(result.run), "metrics": result.metrics, "seconds": result.seconds}


def _fitted(recipe: Recipe, training: ImageDataset) -> Recipe:
    """Shrink the batch of a person's own recipe to the classes there are."""
    if recipe.name != OWN:
        return recipe
    counts = training.label_ids[:, 0].bincount()
    classes = int((counts >= 2).sum())
    if classes < 2:
        raise DataError(
            f"{training.root}: training needs two classes of two images or more, found {classes}",
            "a fifth of the classes is held out when the data names no split; add classes",
        )
    return fitted(recipe, classes)


def _require(flag: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise UsageError(f"{flag} {value}: unknown", f"one of {', '.join(allowed)}")
