"""CLIP and SigLIP: images and texts on one unit sphere, from the folders `transformers` writes.

Radford et al., ICML 2021; Zhai et al., ICCV 2023. What is trained here is saved in the same form,
so `transformers` opens it again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jaxtyping import Float, Int
from torch import Tensor, nn

from zoo.data.preprocessing import Colour, Preprocessing
from zoo.errors import IntegrityError, UsageError
from zoo.files import check_folder, sealing, write_json
from zoo.models.storage import CONFIG, WEIGHTS
from zoo.models.text_encoder import (
    quiet_transformers,
    read_json,
    reading,
    require_tokeniser,
    save_tokeniser,
)
from zoo.models.two_sides import PretrainedSides

FAMILIES = ("clip", "siglip")
PROCESSOR = "preprocessor_config.json"
CLIP_MEAN: Colour = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD: Colour = (0.26862954, 0.26130258, 0.27577711)
_RESAMPLING = {2: "bilinear", 3: "bicubic"}  # Pillow's numbers


@dataclass(frozen=True)
class ClipConfig:
    """What, beside the weights, decides an embedding: the family and the image transform."""

    family: str
    preprocessing: Preprocessing

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {"family": self.family, "preprocessing": self.preprocessing.to_json()}


class Clip(PretrainedSides):
    """Two towers of one family of models, of `transformers`."""

    def __init__(self, clip: nn.Module, tokenizer: Any, preprocessing: Preprocessing) -> None:
        super().__init__()
        known: Any = clip.config  # of a class of transformers, which is not typed
        self.backbone, self.tokenizer = clip, tokenizer
        self.config = ClipConfig(str(known.model_type), preprocessing)
        self.longest = int(known.text_config.max_position_embeddings)
        projected = self.config.family == "clip"
        self.dim = int(known.projection_dim if projected else known.text_config.hidden_size)

    def forward(self, images: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch dim"]:
        """Embed a batch of normalised images."""
        backbone: Any = self.backbone
        found = backbone.get_image_features(pixel_values=images).pooler_output
        return nn.functional.normalize(found.float(), dim=1)

    def forward_texts(
        self, ids: Int[Tensor, "text token"], mask: Int[Tensor, "text token"]
    ) -> Float[Tensor, "text dim"]:
        """Embed tokenised texts. SigLIP reads its padding, as it was trained to."""
        seen = None if self.config.family == "siglip" else mask
        backbone: Any = self.backbone
        found = backbone.get_text_features(input_ids=ids, attention_mask=seen).pooler_output
        return nn.functional.normalize(found.float(), dim=1)

    def tokenize(
        self, texts: Sequence[str]
    ) -> tuple[Int[Tensor, "text token"], Int[Tensor, "text token"]]:
        """Return ids and mask of texts; longer ones are cut. SigLIP's are padded to the full."""
        whole = self.config.family == "siglip"
        found = self.tokenizer(
            list(texts),
            padding="max_length" if whole else True,
            truncation=True,
            max_length=self.longest,
            return_attention_mask=True,
            return_tensors="pt",
        )
        return found["input_ids"], found["attention_mask"]

    @classmethod
    def read_folder(cls, folder: Path) -> "Clip":
        """Read a folder of `transformers`; see `load_clip`."""
        return load_clip(folder)

    def _save_pretrained(self, save_directory: Path) -> None:
        save_clip(self, save_directory)


def is_clip(config: Mapping[str, Any]) -> bool:
    """Whether a `config.json` describes a CLIP or SigLIP of both towers."""
    return config.get("model_type") in FAMILIES and "vision_config" in config


def load_clip(folder: Path) -> Clip:
    """Read a CLIP or SigLIP folder of `transformers`; the model is in evaluation mode.

    Raises:
        UsageError: transformers is missing.
        IntegrityError: the folder cannot be read, or its image transform is of another kind.
    """
    try:
        from transformers import AutoModel, AutoTokenizer
    except ImportError as error:
        raise UsageError("CLIP needs transformers", "pip install 'rankzoo[captions]'") from error
    require_tokeniser(folder)
    check_folder(folder)
    with reading(folder, "not a CLIP model"):
        clip = AutoModel.from_pretrained(folder, local_files_only=True, use_safetensors=True)
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        size = int(clip.config.vision_config.image_size)
        return Clip(clip, tokenizer, _preprocessing(folder / PROCESSOR, size)).eval()


def save_clip(model: Clip, folder: Path) -> None:
    """Write the folder that `load_clip` and `transformers` read."""
    with sealing(folder) as names:
        with quiet_transformers():
            model.backbone.save_pretrained(folder)  # type: ignore[operator]
        write_json(folder / PROCESSOR, _processor(model.config))
        names.update((CONFIG, WEIGHTS, PROCESSOR, *save_tokeniser(model.tokenizer, folder)))


def _preprocessing(path: Path, size: int) -> Preprocessing:
    """Read the image transform; CLIP's own where the folder has none."""
    try:
        return _transform(read_json(path), path, size)
    except (ValueError, TypeError, KeyError, OverflowError) as error:
        raise IntegrityError(f"{path}: {error!r}") from error


def _transform(value: Mapping[str, Any], path: Path, size: int) -> Preprocessing:
    resampling = value.get("resample", 3)
    if resampling not in _RESAMPLING:
        raise IntegrityError(f"{path}: resample={resampling}", "2 (bilinear) or 3 (bicubic)")
    wanted = value.get("size", {"shortest_edge": size})
    wanted = {"shortest_edge": wanted} if isinstance(wanted, int) else wanted
    squash = "height" in wanted
    resize = int(wanted["height"] if squash else wanted["shortest_edge"])
    cropped = not squash and value.get("do_center_crop", True)
    if (squash and wanted["width"] != resize) or not (squash or cropped):
        raise IntegrityError(f"{path}: the network's input is not square")
    return Preprocessing(
        size=size,
        resize=resize,
        interpolation=_RESAMPLING[resampling],
        mean=tuple(value.get("image_mean", CLIP_MEAN)),
        std=tuple(value.get("image_std", CLIP_STD)),
        crop_mode="squash" if squash else "center",
    )


def _processor(config: ClipConfig) -> dict[str, Any]:
    """Return the same transform in the words of `transformers`."""
    shape, squash = config.preprocessing, config.preprocessing.crop_mode == "squash"
    name = "SiglipImageProcessor" if config.family == "siglip" else "CLIPImageProcessor"
    resize, size = shape.resize, shape.size
    numbers = {kind: number for number, kind in _RESAMPLING.items()}
    return {
        "image_processor_type": name,
        "do_resize": True,
        "size": {"height": resize, "width": resize} if squash else {"shortest_edge": resize},
        "do_center_crop": not squash,
        "crop_size": {"height": size, "width": size},
        "resample": numbers[shape.interpolation],
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "do_convert_rgb": True,
        "image_mean": list(shape.mean),
        "image_std": list(shape.std),
    }
