"""Backbone, pooling, head, unit length: an image becomes a point on the sphere."""

from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from PIL.Image import Image
from torch import Tensor, nn

from zoo.data.images import ready_image
from zoo.data.transforms import Transform, evaluation_transform
from zoo.models.backbone import (
    build_backbone,
    cut_off,
    load_backbone,
    load_strictly,
    without_distillation,
)
from zoo.models.bounds import refuse_larger
from zoo.models.config import EmbedderConfig
from zoo.models.pooling import MAP_POOLINGS, UnitLength
from zoo.models.pretrained import Pretrained
from zoo.models.storage import (
    WEIGHTS,
    parse_config,
    read_values,
    read_weights,
    write_model,
)
from zoo.models.tensor_names import backbone_of, for_timm, in_memory, on_disk


class EmbedsImages:
    """A network with a `transform` and a `dim`, which embeds images as they are."""

    def embed_images(
        self, images: Iterable[Image | Path | str] | Image | Path | str, batch_size: int = 64
    ) -> Float[Tensor, "image dim"]:
        """Embed one image or many, in memory or files, with the evaluation transform.

        Raises:
            DataError: a file is no readable image.
            UsageError: something is neither a path nor an image of Pillow.
        """
        return embed_images(self, images, batch_size)


class Embedder(EmbedsImages, nn.Module, Pretrained, pipeline_tag="image-feature-extraction"):
    """A timm backbone with pooling and an optional head; its output has unit length.

    `forward` maps normalised images (batch, 3, height, width) to (batch, dim) in float32.
    """

    FILES: ClassVar = ["config.json", "model.safetensors"]

    def __init__(self, config: EmbedderConfig) -> None:
        super().__init__()
        self.config = config
        backbone: Any = build_backbone(config.architecture)  # timm's attributes are not typed
        native = config.pooling == "native"
        width = int(backbone.head_hidden_size if native else backbone.num_features)
        if config.depth is not None:
            width = cut_off(backbone, config.depth)
        self.backbone, self.width = backbone, width
        self.maps = nn.Conv2d(width, config.maps, 1) if config.maps else nn.Identity()
        self.pooling = MAP_POOLINGS.get(config.pooling, nn.Identity)()
        self.dropout = nn.Dropout(config.dropout)
        self.head = _head(config, config.maps or width)
        self.dim = config.dim or config.maps or width

    @property
    def transform(self) -> Transform:
        """The evaluation transform: an image to this network's input."""
        return evaluation_transform(self.config.preprocessing)

    def forward(self, images: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch dim"]:
        """Embed a batch of normalised images."""
        pooled = self.dropout(self._pool(self.backbone.forward_features(images)))
        return nn.functional.normalize(self.head(pooled).float(), dim=1)

    @classmethod
    def read_folder(cls, folder: Path) -> "Embedder":
        """Read a folder of ours or of a timm repository; see `load_embedder`."""
        return load_embedder(folder)

    def _save_pretrained(self, save_directory: Path) -> None:
        save_embedder(self, save_directory)

    def _pool(self, features: Tensor) -> Float[Tensor, "batch channel"]:
        if self.config.pooling == "native":
            pooled: Tensor = self.backbone.forward_head(features, pre_logits=True)
            return pooled
        if self.config.pooling == "token":
            return features[:, 0]
        maps = self.maps(_as_maps(features, self.width, self.backbone))
        vectors: Tensor = self.pooling(maps)
        return vectors


def build_embedder(
    config: EmbedderConfig, pretrained: Path | None = None, *, undistilled: bool = False
) -> Embedder:
    """Build an embedder; `pretrained` is a model folder whose backbone it starts from.

    `undistilled`: that backbone is a distilled transformer, whose second token is left out.

    Raises:
        UnavailableError, IntegrityError: the folder has no usable weights for this architecture.
    """
    model = Embedder(config)
    if pretrained is not None:
        state = backbone_of(read_weights(pretrained))
        found = without_distillation(state) if undistilled else state
        load_backbone(model.backbone, found, whole=config.depth is None)
    return model


def save_embedder(model: Embedder, folder: Path) -> None:
    """Write `config.json` and `model.safetensors` into `folder`, each atomically; timm reads it."""
    write_model(folder, on_disk(model.state_dict()), for_timm(model.config.to_json()))


def load_embedder(folder: Path) -> Embedder:
    """Read a folder of ours or of a timm repository; the model is in evaluation mode.

    Raises:
        UnavailableError: a file is missing.
        IntegrityError: a file is damaged, or the two do not belong together.
    """
    value = read_values(folder)
    config = parse_config(value, folder)
    state = read_weights(folder)
    refuse_larger(lambda: Embedder(config), folder / WEIGHTS)
    model = Embedder(config)
    if "embedder" in value:
        load_strictly(model, in_memory(state))
    else:
        load_backbone(model.backbone, state)
    return model.eval()


@torch.inference_mode()
def embed_images(
    model: Any, images: Iterable[Image | Path | str] | Image | Path | str, batch_size: int
) -> Float[Tensor, "image dim"]:
    """Embed images or image files with a model's own transform, on its device.

    Raises:
        DataError: a file is no readable image.
        UsageError: something is neither a path nor an image of Pillow.
    """
    return run_on_images(model, getattr(model, "embed", model), images, batch_size)


def run_on_images(
    model: Any,
    forward: Callable[[Tensor], Tensor],
    images: Iterable[Image | Path | str] | Image | Path | str,
    batch_size: int,
) -> Float[Tensor, "image width"]:
    """Return what `forward` makes of images or files as a model's input, on its device."""
    device = next(model.parameters()).device
    transform = model.transform
    found = []
    if isinstance(images, Image | Path | str) or not isinstance(images, Iterable):
        images = [images]  # what is none of them is named below
    remaining = iter(images)
    while group := list(islice(remaining, batch_size)):
        batch = torch.stack([transform(ready_image(image)) for image in group])
        found.append(forward(batch.to(device)).cpu())
    return torch.cat(found) if found else torch.empty(0, model.dim)


def _as_maps(
    features: Tensor, width: int, backbone: Any
) -> Float[Tensor, "batch channel height width"]:
    """Bring a backbone's features into channels-first maps; patch tokens become one column."""
    if features.ndim == 3:
        first_patch = int(backbone.num_prefix_tokens)
        return features[:, first_patch:].transpose(1, 2).unsqueeze(-1)
    if features.shape[1] != width:  # Swin and its kin keep channels last
        return features.permute(0, 3, 1, 2)
    return features


def _head(config: EmbedderConfig, width: int) -> nn.Sequential:
    projection = nn.Identity() if config.dim is None else nn.Linear(width, config.dim)
    return nn.Sequential(_norm(config.layer_norm, width), projection)


def _norm(kind: str, width: int) -> nn.Module:
    match kind:
        case "l2":
            return UnitLength()
        case "none":
            return nn.Identity()
        case _:
            return nn.LayerNorm(width, elementwise_affine=kind == "affine")
