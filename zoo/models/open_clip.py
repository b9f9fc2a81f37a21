"""Models in the folders of open_clip: its own configuration and tensors, built by open_clip itself.

Repositories of the Hub that hold `open_clip_config.json` and no model of `transformers` are turned
into such a folder once (`zoo.hub.converted`): what is read here has a `config.json` that says so.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from zoo.data.preprocessing import Preprocessing
from zoo.errors import IntegrityError, UsageError
from zoo.models.backbone import load_strictly
from zoo.models.clip import CLIP_MEAN, CLIP_STD
from zoo.models.storage import CONFIG, read_values, read_weights
from zoo.models.two_sides import TwoSides

KEY = "open_clip"  # of config.json
THEIRS = "open_clip_config.json"
CROPS = {"shortest": "center", "squash": "squash"}


@dataclass(frozen=True)
class OpenClipConfig:
    """What, beside weights and open_clip's own configuration, decides an embedding."""

    preprocessing: Preprocessing


class OpenClip(TwoSides):
    """Two towers of open_clip, whose text network reads its padding."""

    def __init__(self, clip: nn.Module, tokenizer: Any, config: OpenClipConfig, dim: int) -> None:
        super().__init__()
        self.backbone, self.tokenizer, self.config, self.dim = clip, tokenizer, config, dim

    def forward(self, images: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch dim"]:
        """Embed a batch of normalised images."""
        backbone: Any = self.backbone
        return nn.functional.normalize(backbone.encode_image(images).float(), dim=1)

    def forward_texts(
        self, ids: Int[Tensor, "text token"], _mask: Int[Tensor, "text token"]
    ) -> Float[Tensor, "text dim"]:
        """Embed tokenised texts; open_clip finds their ends itself."""
        backbone: Any = self.backbone
        return nn.functional.normalize(backbone.encode_text(ids).float(), dim=1)

    def tokenize(
        self, texts: Sequence[str]
    ) -> tuple[Int[Tensor, "text token"], Int[Tensor, "text token"]]:
        """Return ids of texts, cut and padded to the model's length, and a mask of ones."""
        ids = cast(Tensor, self.tokenizer(list(texts)))
        return ids, torch.ones_like(ids)


def load_open_clip(folder: Path) -> OpenClip:
    """Read a converted folder of open_clip; the model is in evaluation mode.

    Raises:
        UsageError: open_clip is missing, or the text tower is a model of another repository.
        UnavailableError, IntegrityError: a file is missing, damaged, or of another model.
    """
    value = read_values(folder).get(KEY)
    if not isinstance(value, dict) or not isinstance(value.get("model_cfg"), dict):
        raise IntegrityError(f"{folder / CONFIG}: no `model_cfg` of open_clip", "download it again")
    shape = value["model_cfg"]
    if (shape.get("text_cfg") or {}).get("hf_model_name"):
        theirs = shape["text_cfg"]["hf_model_name"]
        hint = "choose a model whose text tower is open_clip's own"
        raise UsageError(f"{folder}: its text tower is built from {theirs}, another model", hint)
    clip, tokenizer = _built(folder)
    load_strictly(clip, read_weights(folder))
    config = OpenClipConfig(_preprocessing(folder, value, clip))
    return OpenClip(clip, tokenizer, config, int(shape["embed_dim"])).eval()


def _built(folder: Path) -> tuple[nn.Module, Any]:
    """Return the network without its weights, and the tokeniser; no connection is opened."""
    try:
        import open_clip
    except ImportError as error:
        hint = "pip install 'rankzoo[open-clip]'"
        raise UsageError("models of open_clip need open_clip", hint) from error
    name = f"local-dir:{folder}"
    try:
        clip: nn.Module = open_clip.create_model(name, load_weights=False, pretrained_text=False)
        return clip, open_clip.get_tokenizer(name)
    except (OSError, ValueError, RuntimeError, TypeError, KeyError) as error:
        reason = str(error).strip().splitlines()[0]
        raise IntegrityError(f"{folder}: not a model of open_clip ({reason})") from error


def _preprocessing(folder: Path, value: Mapping[str, Any], clip: Any) -> Preprocessing:
    """Read the image transform: open_clip's defaults are CLIP's."""
    asked = value.get("preprocess_cfg") or {}
    size = clip.visual.image_size
    size = size if isinstance(size, int) else size[0]
    mode = asked.get("resize_mode", "shortest")
    try:
        return Preprocessing(
            size=int(size),
            resize=int(size),
            interpolation=asked.get("interpolation", "bicubic"),
            mean=tuple(asked.get("mean", CLIP_MEAN)),
            std=tuple(asked.get("std", CLIP_STD)),
            crop_mode=CROPS[mode],
        )
    except (ValueError, KeyError) as error:
        raise IntegrityError(f"{folder / THEIRS}: preprocess_cfg: {error}") from error
