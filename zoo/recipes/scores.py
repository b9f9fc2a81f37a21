"""Recipes that train scores with ranks: many labels an image, or the value of an attribute."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from zoo.recipes.recipe import Augmentation, Published, Schedule

Task = Literal["labels", "attribute"]
TWENTY_EPOCHS = Schedule(epochs=20)
# Objects at the border are labels too: crops keep at least half of the image.
HALF_OR_MORE = Augmentation(scale=(0.5, 1.0))


@dataclass(frozen=True)
class ScoreNetwork:
    """The pretrained backbone at `size` pixels (None: its own), and a head.

    `hidden` puts a layer of so many units in the head. `train_backbone=False` computes the features
    once and trains the head on them.
    `pooling="wildcat"` scores eight maps of each label. `crop_mode` as in `recipe.Network`.
    `batch_norm`: "frozen" keeps the statistics the backbone came with, "train" those of the batch.
    """

    backbone: str
    size: int | None = None
    hidden: int | None = None
    train_backbone: bool = True
    pooling: Literal["native", "wildcat"] = "native"
    crop_mode: Literal["center", "squash"] = "center"
    batch_norm: Literal["frozen", "train"] = "frozen"


@dataclass(frozen=True)
class ScoreData:
    """The manifest's `column`; how many emoji `scenes` are drawn when there is no data folder."""

    column: str = ""
    scenes: int = 0


@dataclass(frozen=True)
class TwoPartLoss:
    """`point_weight` x the loss of each score for itself + `rank_weight` x SoDeep's of the ranks.

    `point` is the multi-label soft margin for labels, the error of standardised values for an
    attribute; the rank loss is SoDeep's mAP for labels, Spearman for an attribute. `resolution` is
    that of the gaussian sorter. `rank="blackbox"` is, without a sorter, the exact AP of each class,
    or the squared distance of exact ranks, with RaMBO's gradient. `point_epochs` trains with
    `point` alone first (the paper's L1 epoch).
    """

    point: Literal["soft_margin", "mse", "l1"]
    point_weight: float = 1.0
    point_epochs: int = 0
    rank_weight: float = 0.0
    sorter: str = "gaussian"
    resolution: float = 0.1
    rank: Literal["sodeep", "blackbox"] = "sodeep"


@dataclass(frozen=True)
class ScoreBatch:
    """Images of an update."""

    size: int = 16


@dataclass(frozen=True)
class ScoreOptimiser:
    """The optimiser; `lr` is the backbone's rate, `head_lr` multiplies it for the head."""

    name: Literal["adam", "sgd"] = "sgd"
    lr: float = 1e-3
    head_lr: float = 10.0
    weight_decay: float = 1e-4


@dataclass(frozen=True)
class ScoreEngine:
    """How often a checkpoint is written, in steps (0: only at the end)."""

    checkpoint_every: int = 200


@dataclass(frozen=True)
class ScoreRecipe:
    """A named, complete set-up of SoDeep's tasks: backbone, head, a weighted sum of two losses.

    `deviates` says what is deliberately not as in the source that it follows, and why.
    """

    name: str
    about: str
    task: Task
    network: ScoreNetwork
    loss: TwoPartLoss
    data: ScoreData = ScoreData()
    augmentation: Augmentation = HALF_OR_MORE
    batch: ScoreBatch = ScoreBatch()
    optimiser: ScoreOptimiser = ScoreOptimiser()
    schedule: Schedule = TWENTY_EPOCHS
    engine: ScoreEngine = ScoreEngine()
    hardware: str = ""
    published: Published | None = None
    deviates: Mapping[str, str] = field(default_factory=dict)
