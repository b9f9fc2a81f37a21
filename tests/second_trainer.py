"""A recipe trained and judged by pytorch-metric-learning: the same numbers from other hands?

    python -m tests.second_trainer comparison/runs/contrastive/final-0-seed-0 stamps/ --seeds 3

Network, split and settings (recipe.json of the run) are ours; images, crops, sampler, loss, loop
and accuracy are timm's, torchvision's and that package's. Order and crops are other draws.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import timm.data
import torch
import torchvision.transforms.v2 as tv
from PIL import Image
from pytorch_metric_learning import distances, losses, samplers, trainers
from pytorch_metric_learning.utils.accuracy_calculator import AccuracyCalculator
from pytorch_metric_learning.utils.inference import CustomKNN
from torch.utils.data import DataLoader, Dataset

from zoo.data.dataset import ImageDataset
from zoo.models import Embedder
from zoo.recipes.recipe import Recipe
from zoo.recipes.values import read_recipe
from zoo.training.layers import frozen_parameters
from zoo.training.setup import build_network, read_data

COSINE = distances.CosineSimilarity()


class Images(Dataset[Any]):
    """(image, class) pairs, read and changed by PIL and torchvision."""

    def __init__(self, data: ImageDataset, transform: Any) -> None:
        self.data, self.transform, self.labels = data, transform, data.label_ids[:, 0]

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, place: int) -> tuple[torch.Tensor, int]:
        image = Image.open(self.data.items[place].path).convert("RGB")
        return self.transform(image), int(self.labels[place])


def their_loss(recipe: Recipe) -> Any:
    """Return pytorch-metric-learning's loss with the recipe's setting."""
    options = dict(recipe.loss.options)
    if recipe.loss.name == "contrastive":
        return losses.ContrastiveLoss(
            pos_margin=options.get("positive", 1.0),
            neg_margin=options.get("negative", 0.5),
            distance=COSINE,
        )
    if recipe.loss.name == "triplet":
        return losses.TripletMarginLoss(margin=options.get("margin", 0.1), distance=COSINE)
    if recipe.loss.name == "multi_similarity":
        return losses.MultiSimilarityLoss(**{"alpha": 2.0, "beta": 50.0, "base": 0.5, **options})
    raise SystemExit(f"{recipe.loss.name}: not one of contrastive, triplet, multi_similarity")


def transforms(model: Embedder, recipe: Recipe) -> tuple[Any, Any]:
    """Return the crops of training, and timm's transform of evaluation."""
    about, crops = model.config.preprocessing, recipe.augmentation
    jitter = tv.ColorJitter(crops.colour, crops.colour, crops.colour)
    training = tv.Compose(
        [
            tv.RandomResizedCrop(about.size, scale=crops.scale, ratio=crops.ratio),
            tv.RandomHorizontalFlip(crops.flip),
            jitter,
            tv.ToImage(),
            tv.ToDtype(torch.float32, scale=True),
            tv.Normalize(about.mean, about.std),
        ]
    )
    evaluation = timm.data.create_transform(**about.to_timm())
    return training, evaluation


def train(model: Embedder, recipe: Recipe, data: Images) -> None:
    """Train by `MetricLossOnly`: m images a class, AdamW, a cosine an update."""
    for parameter in frozen_parameters(model.backbone, recipe.network.frozen):
        parameter.requires_grad_(False)
    steps, rate = recipe.schedule.steps or 0, recipe.optimiser
    free = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimiser = torch.optim.AdamW(free, lr=rate.lr, weight_decay=rate.weight_decay)
    size = recipe.batch.size
    sampler = samplers.MPerClassSampler(data.labels, recipe.batch.per_class, size, size * steps)
    trainers.MetricLossOnly(
        {"trunk": model},
        {"trunk_optimizer": optimiser},
        size,
        {"metric_loss": their_loss(recipe)},
        data,
        sampler=sampler,
        lr_schedulers={
            "trunk_scheduler_by_iteration": torch.optim.lr_scheduler.CosineAnnealingLR(
                optimiser, steps
            )
        },
        freeze_trunk_batchnorm=recipe.network.batch_norm == "frozen",
        dataloader_num_workers=0,
        data_device=torch.device("cpu"),
        dtype=torch.float32,
    ).train(num_epochs=1)


def judge(model: Embedder, data: Images) -> dict[str, float]:
    """Return Recall@1 and mAP@R of a set that searches itself."""
    model.eval()
    with torch.no_grad():
        vectors = torch.cat([model(images) for images, _ in DataLoader(data, 64)])
    calculator = AccuracyCalculator(
        include=("precision_at_1", "mean_average_precision_at_r"),
        k=len(data) - 1,
        device=torch.device("cpu"),
        knn_func=CustomKNN(COSINE),
    )
    found: dict[str, float] = calculator.get_accuracy(vectors, data.labels)
    return {
        "recall_at_1": found["precision_at_1"],
        "map_at_r": found["mean_average_precision_at_r"],
    }


def main() -> None:
    """Train once a seed; print each seed's values as a line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path, help="a run folder of `rankzoo compare`")
    parser.add_argument("data", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    told = parser.parse_args()
    recipe = read_recipe(told.run / "recipe.json")
    assert isinstance(recipe, Recipe)
    whole = read_data(recipe, told.data)
    for seed in range(told.seeds):
        torch.manual_seed(seed)
        np.random.seed(seed)  # noqa: NPY002  the sampler draws from the global one
        model = build_network(recipe, seed=seed)
        assert isinstance(model, Embedder)
        crops, whole_image = transforms(model, recipe)
        train(model, recipe, Images(whole.split("train"), crops))
        found = judge(model, Images(whole.split("test"), whole_image))
        sys.stdout.write(json.dumps({"loss": recipe.loss.name, "seed": seed, **found}) + "\n")


if __name__ == "__main__":
    main()
