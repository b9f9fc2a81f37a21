"""What a type checker knows of a model that `zoo.load` returned."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PIL.Image import Image
from torch import Tensor, nn

if TYPE_CHECKING:

    class LoadedModel(nn.Module):
        """A model in evaluation mode; it has the sides of its kind, another raises."""

        dim: int
        transform: Callable[[Image], Tensor]

        def embed_images(
            self, images: Iterable[Image | Path | str] | Image | Path | str, batch_size: int = 64
        ) -> Tensor:
            """Return (image, dim) unit vectors."""
            raise NotImplementedError

        def embed_texts(self, texts: Sequence[str], batch_size: int = 64) -> Tensor:
            """Return (text, dim) unit vectors."""
            raise NotImplementedError

        def score_images(
            self, images: Iterable[Image | Path | str] | Image | Path | str, batch_size: int = 64
        ) -> list[dict[str, float]]:
            """Return the probability of each class, or the value, of each image, by name."""
            raise NotImplementedError

else:
    LoadedModel = nn.Module  # every kind of model is one
