"""The recipe: every choice of a training run as frozen values that travel with its weights."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True)
class Network:
    """The pretrained backbone and the head put on it (`zoo.models.EmbedderConfig`).

    `size` and `resize` are pixels, `interpolation`, `colours` (mean and standard deviation) and
    `crop_mode` how images become inputs (None, "backbone": as the backbone was trained).
    `crop_mode="squash"` resizes to a square, whatever the shape, "center" the shorter side; both
    then cut out the centre (timm's words). `undistilled` loads a distilled transformer's weights
    into the network without the distillation token. `batch_norm`: "frozen" keeps the statistics
    and trains scale and shift, "fixed" trains neither, "train" normalises by the chunk. `frozen`
    names parts of the backbone that stay as they are, by the beginning of their parameters' names
    ("blocks.0"). `pretrained=False` starts from random weights. `keep_head` continues a start that
    is an embedder of this zoo: where `pooling`, `layer_norm`, `dim`, `depth`, `maps` and `dropout`
    are left as they are here, they are the start's, and a head that stays the same keeps its
    weights.
    """

    backbone: str
    pooling: Literal["native", "token", "avg", "max", "gem", "weldon"] = "native"
    layer_norm: Literal["none", "plain", "affine", "l2"] = "none"
    dim: int | None = None
    depth: int | None = None
    maps: int | None = None
    dropout: float = 0.0
    size: int | None = None
    resize: int | None = None
    crop_mode: Literal["center", "squash"] | None = None
    interpolation: Literal["bilinear", "bicubic"] | None = None
    colours: Literal["backbone", "imagenet"] = "backbone"
    batch_norm: Literal["frozen", "fixed", "train"] = "frozen"
    frozen: tuple[str, ...] = ()
    pretrained: bool = True
    undistilled: bool = False
    keep_head: bool = True


@dataclass(frozen=True)
class Data:
    """Which reader understands the files, and how many label levels the loss sees at most."""

    reader: str = "folder"
    levels: int = 1


SRU = "sru"  # the text encoder of `zoo.models.word_encoder`


@dataclass(frozen=True)
class Captions:
    """Images are trained against captions.

    `encoder` is the text encoder whose space they learn; "backbone" is the text tower that the
    backbone brings itself (CLIP, SigLIP). `train` trains it too (a backbone's own always is, but
    for what `network.frozen` names), at `network`'s rates. "sru" is `layers` of simple recurrent
    units of the images' width, trained from random weights, over the word vectors of the file
    `vectors` (its first `most_words`, or all), which stay as they are; `dropout` is theirs.
    `frozen_epochs` lets a text tower that is trained rest at first.
    """

    encoder: str = "all-minilm-l6-v2"
    train: bool = False
    frozen_epochs: int = 0
    vectors: str = ""
    most_words: int | None = None
    layers: int = 4
    dropout: float = 0.25

    @property
    def both(self) -> bool:
        """Whether both towers are trained."""
        return self.train or self.encoder in ("backbone", SRU)


@dataclass(frozen=True)
class Augmentation:
    """Random crop (share of the area, aspect ratio), flip, and colour changes of a training batch.

    `resize` resizes the shorter side to so many pixels before the crop. A crop that would leave the
    image is drawn anew, `attempts` times in all, and is then the middle of the image; with one
    attempt it is cut to the image. `window` is instead of the
    random crop: that share of both sides at a random place, squashed to the network's square (1:
    the whole image; 0.875: 224 of 256 pixels). `size` is that of a training image where it is not
    the network's.
    `colour` is the largest relative change of brightness, contrast and saturation, and the share
    of the colour circle a hue may turn is a fifth of it; `grey` is a probability.
    """

    scale: tuple[float, float] = (0.16, 1.0)
    ratio: tuple[float, float] = (0.75, 1.3333333333333333)
    attempts: int = 1
    resize: int | None = None
    window: float | None = None
    size: int | None = None
    flip: float = 0.5
    colour: float = 0.0
    grey: float = 0.0


@dataclass(frozen=True)
class Batch:
    """How a batch is drawn and processed; sizes are of the global batch, over all processes.

    `sampler` (`zoo.data.samplers`): "per_class" draws classes evenly; "every_image" fills batches
    greedily with groups of `per_class` until no batch can be filled, each image at most once (at
    most `groups_per_class` groups a class and epoch); "hierarchical" serves every tuple of
    `super_classes` of the second label level `batches_per_tuple` times an epoch; "fresh" draws
    `batches` batches, each from all classes anew; "shuffled" draws images whatever their class
    (captions), "pairs" an image as often as it has captions, with each of them once an epoch.
    `in_order` keeps the order in which "every_image" makes its batches.
    `chunk` bounds the images that go through the network at once (two passes, same gradient).
    """

    size: int = 128
    per_class: int = 4
    sampler: Literal["per_class", "every_image", "hierarchical", "fresh", "shuffled", "pairs"] = (
        "per_class"
    )
    groups_per_class: int | None = None
    in_order: bool = False
    super_classes: int = 2
    batches_per_tuple: int = 10
    batches: int = 1000
    chunk: int | None = None
    simix: bool = False


@dataclass(frozen=True)
class LossTerm:
    """A loss by its name in `LOSSES` (with captions `PAIR_LOSSES`), its options, its weight.

    `optimiser`, `lr`, `final_lr` and `weight_decay` drive the loss's own parameters (class
    proxies), when it has any; SGD is Nesterov's with momentum 0.9.
    """

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)
    weight: float = 1.0
    optimiser: Literal["adam", "adamw", "sgd"] = "adam"
    lr: float = 1e-3
    final_lr: float = 0.0
    weight_decay: float = 0.0


@dataclass(frozen=True)
class MemoryUse:
    """What a cross-batch memory keeps, and how its loss is joined to the batch's.

    `unique` keeps the latest embedding of each training image instead of the last ones. The
    memory is filled from the first epoch on and used from `from_epoch`. `join`: "mean" of the
    batch's loss and that of batch and memory together (gradient through both); "sum" (ROADMAP) or
    "average" (SupRank) with the loss against the memory alone, into which the batch has just been
    written as constants.
    """

    unique: bool = False
    from_epoch: int = 0
    join: Literal["mean", "sum", "average"] = "mean"


@dataclass(frozen=True)
class Optimiser:
    """The optimiser; `head_lr` multiplies the rate of pooling and head, `ema` is a decay.

    `layer_decay` multiplies the rate of the backbone's layer n below its last by its n-th power,
    the layers counted as timm groups them (Bao et al., BEiT, 2022).
    """

    name: Literal["adam", "adamw", "sgd"] = "adam"
    lr: float = 1e-5
    head_lr: float = 1.0
    weight_decay: float = 0.0
    clip_norm: float | None = None
    ema: float | None = None
    layer_decay: float = 1.0


@dataclass(frozen=True)
class Lora:
    """Low-rank adapters that are trained instead of the backbone (`zoo.training.lora`).

    `rank` 0: none. They are weighed by `alpha` / `rank`. `targets` names layers, whole or by the
    end of the name ("qkv"); none: every linear layer, or every convolution where there is none.
    """

    rank: int = 0
    alpha: float = 16.0
    dropout: float = 0.0
    targets: tuple[str, ...] = ()


@dataclass(frozen=True)
class Schedule:
    """How long, and how the rate falls; all but `steps` and `warmup_steps` is in epochs.

    `steps` overrides `epochs`. A cosine moves at every `per` "step" or "epoch", from each group's
    rate to `final_lr`. The first `warmup_steps` updates raise every rate linearly to what it would
    be without them (Goyal et al., 2017). `frozen_epochs` trains the head alone
    first; `paused` lets every rate stand still meanwhile, and the schedule begin after it
    (HAPPIER: its end is then not reached).
    """

    epochs: int = 100
    steps: int | None = None
    kind: Literal["constant", "cosine", "step"] = "constant"
    per: Literal["step", "epoch"] = "step"
    decay_at: tuple[int, ...] = ()
    decay: float = 0.3
    final_lr: float = 0.0
    frozen_epochs: int = 0
    paused: bool = False
    warmup_steps: int = 0


@dataclass(frozen=True)
class Engine:
    """How the arithmetic runs and how often things are written; steps of the global batch.

    `evaluate_every` and `checkpoint_every` are steps (0: only at the end). `checkpointing` keeps
    the inputs of the backbone's blocks alone and computes the rest again for the gradient: less
    memory, the same gradient.
    """

    precision: Literal["float32", "bfloat16", "float16"] = "float32"
    channels_last: bool = False
    compile: bool = False
    checkpointing: bool = False
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
    """A named, complete training set-up.

    `memory` is the size of a cross-batch memory (0: none), `memory_use` how it is used. `deviates`
    says what is deliberately not as in the source that the recipe follows, and why.
    """

    name: str
    about: str
    network: Network
    loss: LossTerm
    extra_loss: LossTerm | None = None
    memory: int = 0
    memory_use: MemoryUse = MemoryUse()
    data: Data = Data()
    captions: Captions | None = None
    augmentation: Augmentation = Augmentation()
    batch: Batch = Batch()
    optimiser: Optimiser = Optimiser()
    lora: Lora = Lora()
    schedule: Schedule = Schedule()
    engine: Engine = Engine()
    hardware: str = ""
    published: Published | None = None
    deviates: Mapping[str, str] = field(default_factory=dict)

    @property
    def command(self) -> str:
        """The command that runs it."""
        missing = self.captions and self.captions.encoder == SRU and not self.captions.vectors
        given = " --set captions.vectors=vectors.txt" if missing else ""
        return f"rankzoo train {self.name} --data {self.data.reader}/ --out runs/{self.name}{given}"
