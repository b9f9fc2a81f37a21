"""How an image becomes a network's input: sizes, interpolation, colour statistics."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

Colour = tuple[float, float, float]
INTERPOLATIONS = ("bilinear", "bicubic")
LARGEST = 8_192  # pixels a side: one image is then 800 MB of numbers
CROP_MODES = ("center", "squash")
IMAGENET_MEAN: Colour = (0.485, 0.456, 0.406)
IMAGENET_STD: Colour = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Preprocessing:
    """The evaluation-time transform a set of weights was made for (pixels; colours in [0, 1]).

    The shorter side is resized to `resize` (`crop_mode="squash"`: both sides, whatever the shape),
    the centre `size` x `size` is cropped, and each channel becomes (value - mean) / std.
    """

    size: int = 224
    resize: int = 256
    interpolation: str = "bicubic"
    mean: Colour = IMAGENET_MEAN
    std: Colour = IMAGENET_STD
    crop_mode: str = "center"

    def __post_init__(self) -> None:
        if not 0 < self.size <= self.resize <= LARGEST:
            raise ValueError(
                f"need 0 < size <= resize <= {LARGEST}, got size={self.size}, resize={self.resize}"
            )
        if not all(map(math.isfinite, (*self.mean, *self.std))) or min(self.std) <= 0:
            raise ValueError(f"mean={self.mean}, std={self.std}: finite, and std above 0")
        if self.interpolation not in INTERPOLATIONS:
            raise ValueError(f"interpolation={self.interpolation!r}, not one of {INTERPOLATIONS}")
        if self.crop_mode not in CROP_MODES:
            raise ValueError(f"crop_mode={self.crop_mode!r}, not one of {CROP_MODES}")

    def to_json(self) -> dict[str, Any]:
        """Return plain values for a JSON file."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Preprocessing":
        """Read what `to_json` wrote."""
        return cls(**{**value, "mean": tuple(value["mean"]), "std": tuple(value["std"])})

    @classmethod
    def from_timm(cls, config: Mapping[str, Any]) -> "Preprocessing":
        """Read timm's `pretrained_cfg` (its `crop_pct` is size / resize)."""
        size = int(config["input_size"][-1])
        interpolation = str(config.get("interpolation", "bicubic"))
        return cls(
            size=size,
            resize=math.floor(size / float(config.get("crop_pct") or 1.0)),
            interpolation=interpolation if interpolation in INTERPOLATIONS else "bicubic",
            mean=tuple(config["mean"]),
            std=tuple(config["std"]),
            crop_mode="squash" if config.get("crop_mode") == "squash" else "center",
        )

    def to_timm(self) -> dict[str, Any]:
        """Return the same facts under timm's names."""
        return {
            "input_size": [3, self.size, self.size],
            "crop_pct": self.size / self.resize,
            "interpolation": self.interpolation,
            "crop_mode": self.crop_mode,
            "mean": list(self.mean),
            "std": list(self.std),
        }
