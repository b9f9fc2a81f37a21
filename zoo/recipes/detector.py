"""The recipe of a detector: every choice as frozen values that travel with its weights."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from zoo.errors import UsageError
from zoo.recipes.recipe import Published

Detector = Literal["retinanet", "atss", "faster_rcnn", "cascade_rcnn"]
Loss = Literal["focal", "cross_entropy", "ap", "alrp", "rank_sort", "blackbox_ap"]
LOSSES_OF: dict[str, tuple[str, ...]] = {
    "retinanet": ("focal", "ap", "alrp", "rank_sort"),
    "atss": ("focal", "ap", "alrp", "rank_sort"),
    "faster_rcnn": ("cross_entropy", "blackbox_ap", "ap", "alrp", "rank_sort"),
    "cascade_rcnn": ("cross_entropy", "rank_sort"),
}


@dataclass(frozen=True)
class DetectorNetwork:
    """The detector on a ResNet of `depth` layers, or on the timm network `architecture`.

    With `architecture`, `depth` counts for nothing.

    `backbone` is where that network's weights come from (a Hub model, or None: random weights, all
    of it trained). `channels` is the width of the feature pyramid and the heads on it.
    `proposals` and `regions` bound the boxes that a two-stage detector passes on and trains on;
    `score_threshold` is the lowest score a detection may have. `octave` is the base scale of the
    anchors and how many scales they have (None: mmdetection's file); `box_stds` what the deltas of
    anchors and proposals are divided by (None: mmdetection's file, ones but for ATSS).
    `groups` makes the ResNet a ResNeXt: how many groups its blocks have, and how wide each is;
    `deformable` gives its last three stages deformable convolutions.

    Raises:
        UsageError: `groups` or `deformable` of a network that is no ResNet of mmdetection's.
    """

    detector: Detector
    depth: Literal[18, 34, 50, 101] = 50
    backbone: str | None = None
    channels: int = 256
    proposals: int = 1000
    regions: int = 512
    score_threshold: float = 0.05
    octave: tuple[int, int] | None = None
    box_stds: tuple[float, float, float, float] | None = None
    groups: tuple[int, int] | None = None
    deformable: bool = False
    architecture: str | None = None

    def __post_init__(self) -> None:
        if self.architecture is not None and (self.groups is not None or self.deformable):
            hint = "leave out network.groups and network.deformable, or network.architecture"
            raise UsageError(
                f"groups and deformable are a ResNet's, not {self.architecture}'s", hint
            )

    @property
    def stands_on(self) -> str:
        """What the backbone is called."""
        return self.architecture or f"ResNet-{self.depth}"


@dataclass(frozen=True)
class DetectorData:
    """Annotated parts: splits of COCO files, or sets of VOC as `VOC2007/trainval`.

    The layout "auto" is found, and `train` and `test` are then splits. `scale` is (longest,
    shortest) side in pixels. `augmentation` in training: "flip" half of the images, in one of
    the `shorter` sides where there are any; or "ssd", the changes of colour, expansion and crops of
    Liu et al., ECCV 2016, squashed to `squash` x `squash`, and a flip. `bad_boxes`: "fail" on a box
    without area, or "skip" it.

    Raises:
        UsageError: "ssd" without `squash`, or either of the sizes with the other augmentation.
    """

    layout: Literal["coco", "voc", "auto"]
    train: tuple[str, ...]
    test: str
    scale: tuple[int, int] = (1333, 800)
    bad_boxes: Literal["fail", "skip"] = "fail"
    augmentation: Literal["flip", "ssd"] = "flip"
    shorter: tuple[int, ...] = ()
    squash: int | None = None

    def __post_init__(self) -> None:
        if (self.augmentation == "ssd") != (self.squash is not None):
            raise UsageError("augmentation ssd needs data.squash, and only it has one")
        if self.shorter and self.augmentation == "ssd":
            raise UsageError("augmentation ssd squashes, it takes no data.shorter")


@dataclass(frozen=True)
class DetectorLoss:
    """The loss of the scores by its name, and its options."""

    name: Loss
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class DetectorBatch:
    """Images of an update."""

    size: int = 16


@dataclass(frozen=True)
class DetectorOptimiser:
    """The optimiser; `momentum` is SGD's."""

    name: Literal["sgd", "adamw"] = "sgd"
    lr: float = 0.01
    momentum: float = 0.9
    weight_decay: float = 1e-4
    clip_norm: float | None = None


@dataclass(frozen=True)
class DetectorSchedule:
    """How long, in epochs, and how the rate falls: times `decay` after each of `decay_at`.

    `warmup_steps` updates raise it from a thousandth.
    """

    epochs: int = 12
    decay_at: tuple[int, ...] = (8, 11)
    decay: float = 0.1
    warmup_steps: int = 500


@dataclass(frozen=True)
class DetectionRecipe:
    """A named, complete training set-up of a detector.

    `deviates` says what is deliberately not as in the source that it follows, and why.
    """

    name: str
    about: str
    network: DetectorNetwork
    data: DetectorData
    loss: DetectorLoss
    batch: DetectorBatch = DetectorBatch()
    optimiser: DetectorOptimiser = DetectorOptimiser()
    schedule: DetectorSchedule = DetectorSchedule()
    hardware: str = ""
    published: Published | None = None
    deviates: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        detector, loss = self.network.detector, self.loss.name
        if loss not in LOSSES_OF[detector]:
            allowed = ", ".join(LOSSES_OF[detector])
            raise UsageError(f"{detector} has no loss {loss!r}", f"choose from {allowed}")
