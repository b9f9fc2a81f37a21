"""Backbone and linear head: an image becomes one score per class, or the value of an attribute."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from jaxtyping import Float
from PIL.Image import Image
from torch import Tensor, nn

from zoo.data.images import open_image
from zoo.data.preprocessing import Preprocessing
from zoo.data.transforms import Transform, evaluation_transform
from zoo.errors import IntegrityError, UnavailableError, UsageError
from zoo.files import read_object, typed
from zoo.models.backbone import build_backbone, load_backbone, load_strictly
from zoo.models.bounds import refuse_larger
from zoo.models.config import WIDEST
from zoo.models.embedder import EmbedsImages, run_on_images
from zoo.models.layout import channels_last
from zoo.models.pooling import WildcatPooling
from zoo.models.storage import CONFIG, WEIGHTS, read_weights, write_model
from zoo.models.tensor_names import backbone_of, for_timm, in_memory, on_disk
from zoo.progress import Track, silent

SCORER_POOLINGS = ("native", "wildcat")


@dataclass(frozen=True)
class ScorerConfig:
    """A timm architecture, its preprocessing, the name of each output, and the head's width.

    `hidden` puts one layer of that many rectified units between features and scores.
    `pooling="wildcat"` scores maps instead of pooled features, eight for each output. `task` is
    "labels" or "attribute"; an earlier version's scorer of one output is one of an attribute.
    `column` is the manifest's, where it has another name than usual.
    """

    architecture: str
    preprocessing: Preprocessing
    outputs: tuple[str, ...]
    hidden: int | None = None
    pooling: str = "native"
    task: str = ""
    column: str = ""

    def __post_init__(self) -> None:
        if not self.task:
            task = "attribute" if len(self.outputs) == 1 else "labels"
            object.__setattr__(self, "task", task)
        if self.pooling not in SCORER_POOLINGS:
            allowed = ", ".join(SCORER_POOLINGS)
            raise UsageError(f"pooling={self.pooling!r} is unknown", f"choose one of {allowed}")
        if self.pooling == "wildcat" and self.hidden is not None:
            raise UsageError("pooling=wildcat has no hidden layer", "set network.hidden=null")
        if self.hidden is not None and not 1 <= self.hidden <= WIDEST:
            raise ValueError(f"hidden={self.hidden} is not a width from 1 to {WIDEST}")

    def to_json(self) -> dict[str, Any]:
        """Return the content of `config.json`."""
        return {
            "architecture": self.architecture,
            "pretrained_cfg": self.preprocessing.to_timm(),
            "scorer": {
                "preprocessing": self.preprocessing.to_json(),
                "outputs": list(self.outputs),
                "hidden": self.hidden,
                "pooling": self.pooling,
                "task": self.task,
                "column": self.column,
            },
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "ScorerConfig":
        """Read what `to_json` wrote; KeyError and TypeError say that it is something else."""
        ours = value["scorer"]
        return typed(cls, {"architecture": value["architecture"], **ours}, "scorer")


class Scorer(EmbedsImages, nn.Module):
    """Scores images: `features` are what timm feeds its classifier, `head` maps them to scores.

    VGG's two fully connected layers are part of its features, as they are in timm.
    """

    def __init__(self, config: ScorerConfig) -> None:
        super().__init__()
        self.config = config
        backbone: Any = build_backbone(config.architecture)  # timm's attributes are not typed
        self.backbone = backbone
        outputs = len(config.outputs)
        if config.pooling == "wildcat":
            pooling = WildcatPooling()
            maps = nn.Conv2d(int(backbone.num_features), outputs * pooling.maps, 1)
            self.head = nn.Sequential(maps, pooling)
            return
        width = int(backbone.head_hidden_size)
        layers: list[nn.Module] = [nn.LayerNorm(width, elementwise_affine=False)]
        if config.hidden is not None:
            layers += [nn.Linear(width, config.hidden), nn.ReLU()]
        self.head = nn.Sequential(*layers, nn.Linear(config.hidden or width, outputs))

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of the classes, or of the attribute."""
        return self.config.outputs

    @property
    def transform(self) -> Transform:
        """The evaluation transform: an image to this network's input."""
        return evaluation_transform(self.config.preprocessing)

    def features(self, images: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch ..."]:
        """Return what the head sees of normalised images: vectors, or maps with WILDCAT."""
        if self.config.pooling == "wildcat":
            maps: Tensor = self.backbone.forward_features(images)
            return maps.float()
        pooled: Tensor = self.backbone.forward_head(
            self.backbone.forward_features(images), pre_logits=True
        )
        return pooled.float()

    def forward(
        self, images: Float[Tensor, "batch 3 height width"]
    ) -> Float[Tensor, "batch output"]:
        """Score normalised images."""
        scores: Tensor = self.head(self.features(images))
        return scores

    @property
    def dim(self) -> int:
        """The width of `embed`."""
        if self.config.pooling == "wildcat":
            return int(cast(Any, self.backbone).num_features)
        return int(cast(nn.Linear, self.head[-1]).in_features)

    def embed(self, images: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch dim"]:
        """Return what the scores are a linear function of, at unit length: what search compares."""
        found = self.features(images)
        wild = self.config.pooling == "wildcat"
        vectors: Tensor = found.mean((2, 3)) if wild else self.head[:-1](found)
        return nn.functional.normalize(vectors, dim=1)

    @torch.inference_mode()
    def score_images(
        self, images: Iterable[Image | Path | str] | Image | Path | str, batch_size: int = 64
    ) -> list[dict[str, float]]:
        """Return what each image scores, by the name of the output.

        For classes that is the probability of each, for an attribute its value. Images are files
        or in memory, one or many.

        Raises:
            DataError: a file is no readable image.
        """
        scores = run_on_images(self, self, images, batch_size)
        values = scores.sigmoid() if self.config.task == "labels" else scores
        return [dict(zip(self.outputs, row, strict=True)) for row in values.tolist()]

    @torch.inference_mode()
    def file_features(
        self, paths: tuple[Path, ...], *, batch_size: int = 64, track: Track = silent
    ) -> Float[Tensor, "image ..."]:
        """Return the features of image files, in order, on the CPU.

        Raises:
            DataError: a file is no readable image.
        """
        device = next(self.parameters()).device
        transform = self.transform
        groups = [paths[i : i + batch_size] for i in range(0, len(paths), batch_size)]
        found = []
        with channels_last(self):
            for group in track(groups, "features", len(groups)):
                images = torch.stack([transform(open_image(path)) for path in group])
                found.append(self.features(images.to(device)).cpu())
        return torch.cat(found)


def build_scorer(config: ScorerConfig, pretrained: Path | None = None) -> Scorer:
    """Build a scorer; `pretrained` is a timm-style model folder whose backbone it starts from."""
    model = Scorer(config)
    if pretrained is not None:
        load_backbone(model.backbone, backbone_of(read_weights(pretrained)))
    return model


def save_scorer(model: Scorer, folder: Path) -> None:
    """Write `config.json` and `model.safetensors` into `folder`, each atomically; timm reads it."""
    write_model(folder, on_disk(model.state_dict()), for_timm(model.config.to_json()))


def load_scorer(folder: Path) -> Scorer:
    """Read a scorer's folder; the model is in evaluation mode.

    Raises:
        UnavailableError: a file is missing.
        IntegrityError: a file is damaged, or not a scorer's.
    """
    path = folder / CONFIG
    if not path.is_file():
        raise UnavailableError(f"{path} does not exist", "name the run folder of a scorer")
    try:
        config = ScorerConfig.from_json(read_object(path))
    except (ValueError, KeyError, TypeError) as error:
        raise IntegrityError(f"{path} does not describe a scorer ({error!r})") from error
    state = read_weights(folder)
    refuse_larger(lambda: Scorer(config), folder / WEIGHTS)
    model = Scorer(config)
    load_strictly(model, in_memory(state))
    return model.eval()
