"""A model as the server uses it: prepare in any thread, embed many at once in one."""

from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float
from PIL.Image import Image
from torch import Tensor, nn

from zoo.embedding.identity import ModelIdentity, identify
from zoo.embedding.sides import text_side
from zoo.embedding.words import Words
from zoo.models.layout import lay_channels_last


class Encoder:
    """A model that makes queries; `identity` says which indexes it may ask.

    words: reads text for a model that does not, but whose pictures lie in the same space.
    """

    def __init__(self, model: nn.Module, name: str, words: nn.Module | None = None) -> None:
        self.model: Any = model.eval()  # torch's stubs know neither transform nor embed_texts
        self.reader = words or model
        self.identity: ModelIdentity = identify(model, name)
        lay_channels_last(model)

    @property
    def sees(self) -> bool:
        """Whether it looks at pictures."""
        return hasattr(self.model, "embed_images")

    @property
    def reads(self) -> bool:
        """Whether it reads text."""
        return not self.no_text

    @property
    def no_images(self) -> str:
        """Why it cannot be asked with an image, or nothing."""
        return "" if self.sees else "The model of this index reads text and cannot look at images."

    @property
    def no_text(self) -> str:
        """Why it cannot be asked in words, or nothing."""
        side = getattr(self.reader, "embed_texts", None)
        if side is None:
            return "The model of this index was trained on images alone and cannot read text."
        if isinstance(side, Words):
            return "The text encoder of this model could not be loaded: the server's log says why."
        return ""

    def prepare(self, picture: Image) -> Tensor:
        """Return the network's input for an image."""
        transform: Callable[[Image], Tensor] = self.model.transform
        return transform(picture)

    @torch.inference_mode()
    def embed_pictures(self, prepared: list[Tensor]) -> list[Float[Tensor, " dim"]]:
        """Embed prepared pictures in one forward pass."""
        device = next(self.model.parameters()).device
        return list(self.model(torch.stack(prepared).to(device)).float().cpu())

    @torch.inference_mode()
    def embed_texts(self, texts: list[str]) -> list[Float[Tensor, " dim"]]:
        """Embed texts in one forward pass."""
        return list(text_side(self.reader)(texts).float().cpu())
