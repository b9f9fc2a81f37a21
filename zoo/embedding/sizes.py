"""Other input sizes than a model was saved with: several scales, or whole images."""

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from PIL.Image import Image, Resampling
from torch import Tensor, nn
from torch.nn.functional import interpolate, normalize
from torchvision.transforms import v2

from zoo.errors import UsageError
from zoo.models.embedder import EmbedsImages


class MultiScale(EmbedsImages, nn.Module):
    """Wraps a model: embeddings at several scales, averaged and normalised.

    As in Radenovic et al., TPAMI 2019, and its code: the image is resized as a tensor, bilinear,
    to the floor of its scaled sides (for a transformer: to whole patches). Where the network ends
    in GeM, the mean over scales is the generalised mean with the same exponent; behind a
    projection, whose outputs may be negative, it is the plain one.

    Raises:
        UsageError: the network takes images of one size only.
    """

    def __init__(self, model: nn.Module, scales: tuple[float, ...]) -> None:
        super().__init__()
        require_any_size(model)
        self.model = model
        self.scales = scales
        self.step = step_of(model)
        self.transform = model.transform
        self.dim = model.dim
        if hasattr(model, "embed_texts"):
            self.embed_texts = model.embed_texts

    def forward(self, images: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch dim"]:
        """Embed a batch at every scale."""
        found = torch.stack([self.model(self._resized(images, scale)) for scale in self.scales])
        p = self.exponent
        mean = found.mean(dim=0) if p == 1 else found.clamp(min=0).pow(p).mean(dim=0).pow(1 / p)
        return normalize(mean, dim=1)

    @property
    def exponent(self) -> float:
        """The exponent of the mean over scales: GeM's where the network ends in it, else 1."""
        model = self.model.model if isinstance(self.model, WholeImages) else self.model
        config: Any = getattr(model, "config", None)
        if getattr(config, "pooling", "") != "gem" or config.dim or config.layer_norm != "none":
            return 1.0
        pooling: Any = model.pooling
        return float(pooling.p.detach())

    def _resized(self, images: Tensor, scale: float) -> Tensor:
        if scale == 1:
            return images
        step = self.step
        size = [max(step, int(side * scale / step) * step) for side in images.shape[2:]]
        return interpolate(images, size=size, mode="bilinear", align_corners=False)


class WholeImages(nn.Module):
    """Wraps a model: its transform keeps the whole image, the longer side `longest` pixels.

    The landmark benchmarks are measured so, and the sizes are theirs: those of Pillow's
    `thumbnail` with Lanczos, which makes no image larger. Images then differ in shape: batches
    hold one. For a transformer both sides are rounded to whole patches.

    Raises:
        UsageError: the network takes images of one size only.
    """

    def __init__(self, model: nn.Module, longest: int) -> None:
        super().__init__()
        require_any_size(model)
        self.model = model
        self.longest, self.step, self.dim = longest, step_of(model), model.dim
        config: Any = model.config
        colours = config.preprocessing
        self.transform = _Whole(longest, self.step, tuple(colours.mean), tuple(colours.std))

    def forward(self, images: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch dim"]:
        """Embed images of one shape."""
        vectors: Tensor = self.model(images)
        return vectors


@dataclass(frozen=True)
class _Whole:
    """Shrinks so that the longer side is `longest`, both multiples of `step`; crops nothing.

    A value of its own: worker processes get it without the network.
    """

    longest: int
    step: int
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __call__(self, image: Image) -> Float[Tensor, "3 height width"]:
        resized, step = image.copy(), self.step
        resized.thumbnail((self.longest, self.longest), Resampling.LANCZOS)
        if step > 1:
            width, height = (max(step, round(side / step) * step) for side in resized.size)
            resized = image.resize((width, height), Resampling.LANCZOS)
        pixels = v2.functional.pil_to_tensor(resized).to(torch.float32) / 255
        coloured: Tensor = v2.functional.normalize(pixels, [*self.mean], [*self.std])
        return coloured


def parse_scales(text: str) -> tuple[float, ...]:
    """Read `1,0.7071,0.5`.

    Raises:
        UsageError: a part is no number between 0.1 and 4.
    """
    hint = "for example 1,0.7071,0.5"
    try:
        scales = tuple(float(part) for part in text.split(","))
    except ValueError as error:
        raise UsageError(f"--scales {text}: not numbers", hint) from error
    if any(not 0.1 <= scale <= 4 for scale in scales):
        raise UsageError(f"--scales {text}: between 0.1 and 4", hint)
    return scales


def step_of(model: nn.Module) -> int:
    """Return what an image's sides must be multiples of: a transformer's patch, else 1."""
    if isinstance(model, WholeImages):
        return model.step
    patches: Any = getattr(getattr(model, "backbone", None), "patch_embed", None)
    return int(patches.patch_size[0]) if patches is not None else 1


def require_any_size(model: nn.Module) -> None:
    """Raise when the network's position embeddings fix the size of its input.

    Raises:
        UsageError: naming the architecture.
    """
    patches = getattr(getattr(model, "backbone", None), "patch_embed", None)
    if patches is not None and getattr(patches, "strict_img_size", False):
        name = getattr(getattr(model, "config", None), "architecture", "this network")
        raise UsageError(
            f"{name} takes images of one size only", "leave out --scales and --image-size"
        )


def described_input(model: nn.Module) -> dict[str, str]:
    """Return how images become this model's input, for the result."""
    if isinstance(model, MultiScale):
        scales = ", ".join(f"{scale:g}" for scale in model.scales)
        how = f", generalised mean with p = {model.exponent:.3g}" if model.exponent != 1 else ""
        return {**described_input(model.model), "scales": scales + how}
    if isinstance(model, WholeImages):
        return {"input": f"whole images, longer side {model.longest}"}
    shape = getattr(getattr(model, "config", None), "preprocessing", None)
    if shape is None:
        return {}
    side = "squashed to" if shape.crop_mode == "squash" else "shorter side"
    return {"input": f"{side} {shape.resize}, centre {shape.size} x {shape.size}"}
