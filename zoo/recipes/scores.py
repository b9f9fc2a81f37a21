"""Recipes that train scores with ranks: many labels an image, or the value of an attribute."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Task = Literal["labels", "attribute"]


@dataclass(frozen=True)
class ScoreRecipe:
    """A set-up of SoDeep's tasks: backbone, head, and a weighted sum of two losses.

    `point` is the loss of each score for itself (for labels the multi-label soft margin, for an
    attribute its standardised values' error), `rank` the SoDeep loss: mAP for labels, Spearman
    for an attribute. `resolution` is that of the gaussian
    sorter. `point_epochs` trains with `point` alone first (the paper's L1 epoch).
    `train_backbone=False` computes the features once and trains the head on them. `scenes` is how
    many emoji scenes are drawn when the data folder does not exist.
    """

    name: str
    about: str
    task: Task
    backbone: str
    size: int
    point: Literal["soft_margin", "mse", "l1"]
    point_weight: float = 1.0
    rank_weight: float = 0.0
    sorter: str = "gaussian"
    resolution: float = 0.1
    point_epochs: int = 0
    column: str = ""
    hidden: int | None = None
    train_backbone: bool = True
    optimiser: Literal["sgd", "adam"] = "sgd"
    batch: int = 16
    epochs: int = 20
    learning_rate: float = 0.01
    backbone_rate: float = 0.1
    halve_every: int = 0
    weight_decay: float = 1e-4
    checkpoint_every: int = 200
    scenes: int = 0
    hardware: str = ""
    published: Mapping[str, float] = field(default_factory=dict)
    source: str = ""
