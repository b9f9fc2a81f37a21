"""The sides of a model: what looks at images, what reads text."""

from collections.abc import Callable
from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

from zoo.errors import UsageError


def text_side(model: nn.Module) -> Callable[[list[str]], Float[Tensor, "text dim"]]:
    """Return the model's `embed_texts`.

    Raises:
        UsageError: it has none.
    """
    return _side(model, "embed_texts", "read text")


def image_side(model: nn.Module) -> Callable[[list[Any]], Float[Tensor, "image dim"]]:
    """Return the model's `embed_images`.

    Raises:
        UsageError: it has none.
    """
    return _side(model, "embed_images", "look at images")


def dim_of(model: nn.Module) -> int:
    """Return the width of the model's embeddings."""
    width: Any = model.dim
    return int(width)


def _side(model: nn.Module, method: str, ability: str) -> Callable[[list[Any]], Tensor]:
    found: Callable[[list[Any]], Tensor] | None = getattr(model, method, None)
    if found is None:
        raise UsageError(
            f"this model cannot {ability}",
            "give a model with both sides, or the other kind of query",
        )
    return found
