"""Words for images: the text encoder whose space an image model learned."""

from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

from zoo.embedding.sides import text_side
from zoo.errors import RankzooError
from zoo.recipes.recipe import Recipe
from zoo.recipes.values import read_recipe

BEST = "best"  # the folder, inside a run's, of the weights that validated best


class Words:
    """The `embed_texts` of an image model: its encoder is loaded when words are first asked for."""

    def __init__(self, name: str, load: Callable[[str], nn.Module]) -> None:
        self.name = name
        self._load = load

    def __call__(self, texts: Sequence[str], batch_size: int = 64) -> Float[Tensor, "text dim"]:
        """Embed texts in the space of the images; the order is kept.

        Raises:
            UnavailableError: the encoder cannot be reached.
        """
        embed: Any = text_side(self._encoder)
        found: Tensor = embed(list(texts), batch_size=batch_size)
        return found

    @cached_property
    def _encoder(self) -> nn.Module:
        return self._load(self.name)


def short_name(name: str) -> str:
    """Return what to call a model: a run by its folder, and its best weights by the run's.

    >>> short_name("runs/a/best"), short_name("owner/name@1")
    ('a', 'name@1')
    """
    parts = [part for part in name.split("/") if part]
    return parts[-2] if parts[-1:] == [BEST] and len(parts) > 1 else (parts or [name])[-1]


def encoder_of(folder: Path) -> str:
    """Return the name of the frozen encoder that a run was trained against, or an empty text.

    A run that trained both towers reads text itself.
    The best weights of a run lie in a folder inside its own.
    """
    places = [folder, folder.parent] if folder.name == BEST else [folder]
    path = next((p / "recipe.json" for p in places if (p / "recipe.json").is_file()), None)
    try:
        recipe = read_recipe(path) if path is not None else None
    except RankzooError:
        return ""  # it is damaged: eval and card say so
    captions = recipe.captions if isinstance(recipe, Recipe) else None
    return captions.encoder if captions and not captions.both else ""
