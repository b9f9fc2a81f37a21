"""The recipe: every choice of a training run as frozen values that travel with its weights."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True)
class Network:
    """The pretrained backbone and the head put on it (`zoo.models.EmbedderConfig`).

    `size` and `resize` are pixels (None: what the backbone was trained with). `batch_norm`:
    "frozen" keeps the statistics and trains scale and shift, "fixed" trains neither, "train"
    normalises by the chunk. `frozen` names parts of the backbone that stay as they are, by the
    beginning of their parameters' names ("blocks.0"). `pretrained=False` starts from random
    weights.
    """

    backbone: str
    pooling: Literal["native", "token", "avg", "max", "gem"] = "native"
    layer_norm: Literal["none", "plain", "affine"] = "none"
    dim: int | None = None
    depth: int | None = None
    size: int | None = None
    resize: int | None = None
    batch_norm: Literal["frozen", "fixed", "train"] = "frozen"
    frozen: tuple[str, ...] = ()
    pretrained: bool = True


@dataclass(frozen=True)
class Data:
    """Which reader understands the files, and how many label levels the loss sees at most."""

    reader: str = "folder"
    levels: int = 1


@dataclass(frozen=True)
class Captions:
    """Images are trained against captions: the frozen text encoder whose space they learn."""

    encoder: str = "all-minilm-l6-v2"


@dataclass(frozen=True)
class Augmentation:
    """Random crop (share of the area, aspect ratio), flip, and colour changes of a training batch.

    `colour` is the largest relative change of brightness, contrast and saturation, and the share
    of the colour circle a hue may turn is a fifth of it; `grey` is a probability.
    """

    scale: tuple[float, float] = (0.16, 1.0)
    ratio: tuple[float, float] = (0.75, 1.3333333333333333)
    flip: float = 0.5
    colour: float = 0.0
    grey: float = 0.0


@dataclass(frozen=True)
class Batch:
    """How a batch is drawn and processed; sizes are of the global batch, over all processes.

    `sampler`: "per_class" draws classes evenly, "every_image" walks all images in groups of
    `per_class` (at most `groups_per_class` of them a class and epoch), "hierarchical" takes
    `super_classes` of the second label level at a time, for `batches_per_tuple` batches each,
    "shuffled" draws images whatever their class (captions).
    `chunk` bounds the images that go through the network at once (two passes, same gradient).
    """

    size: int = 128
    per_class: int = 4
    sampler: Literal["per_class", "every_image", "hierarchical", "shuffled"] = "per_class"
    groups_per_class: int | None = None
    super_classes: int = 2
    batches_per_tuple: int = 10
    chunk: int | None = None
    simix: bool = False


@dataclass(frozen=True)
class LossTerm:
    """A loss by its name in `LOSSES` (with captions `PAIR_LOSSES`), its options, its weight.

    `lr` and `final_lr` drive the loss's own parameters (class proxies), when it has any.
    """

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)
    weight: float = 1.0
    lr: float = 1e-3
    final_lr: float = 0.0


@dataclass(frozen=True)
class Optimiser:
    """The optimiser; `head_lr` multiplies the rate of pooling and head, `ema` is a decay."""

    name: Literal["adam", "adamw", "sgd"] = "adam"
    lr: float = 1e-5
    head_lr: float = 1.0
    weight_decay: float = 0.0
    clip_norm: float | None = None
    ema: float | None = None


@dataclass(frozen=True)
class Schedule:
    """How long, and how the rate falls; everything but `steps` is counted in epochs.

    `steps` overrides `epochs`. `frozen_epochs` trains the head alone first.
    """

    epochs: int = 100
    steps: int | None = None
    kind: Literal["constant", "cosine", "step"] = "constant"
    decay_at: tuple[int, ...] = ()
    decay: float = 0.3
    final_lr: float = 0.0
    frozen_epochs: int = 0


@dataclass(frozen=True)
class Engine:
    """How the arithmetic runs and how often things are written; steps of the global batch.

    `evaluate_every` and `checkpoint_every` are steps (0: only at the end).
    """

    precision: Literal["float32", "bfloat16", "float16"] = "float32"
    channels_last: bool = False
    compile: bool = False
    evaluate_every: int = 0
    checkpoint_every: int = 500


@dataclass(frozen=True)
class Published:
    """What the literature reports for the set-up, in percent, and where that was read.

    `tag`: "P" the paper's own text, "C" the authors' code or its documents, "2" a secondary source.
    """

    metrics: Mapping[str, float]
    source: str
    tag: Literal["P", "C", "2"]


@dataclass(frozen=True)
class Recipe:
    """A named, complete training set-up."""

    name: str
    about: str
    network: Network
    loss: LossTerm
    extra_loss: LossTerm | None = None
    memory: int = 0
    data: Data = Data()
    captions: Captions | None = None
    augmentation: Augmentation = Augmentation()
    batch: Batch = Batch()
    optimiser: Optimiser = Optimiser()
    schedule: Schedule = Schedule()
    engine: Engine = Engine()
    hardware: str = ""
    published: Published | None = None

    @property
    def command(self) -> str:
        """The command that runs it."""
        return f"rankzoo train {self.name} --data {self.data.reader}/ --out runs/{self.name}"
