"""The models that embed images, as one type, and how each is written."""

from pathlib import Path

from zoo.models.clip import Clip, save_clip
from zoo.models.embedder import Embedder, save_embedder
from zoo.models.two_towers import TwoTowers, save_two_towers

AnyEmbedder = Embedder | TwoTowers | Clip


def save_model(model: AnyEmbedder, folder: Path) -> None:
    """Write a model into the folder from which `zoo.load` reads it."""
    if isinstance(model, TwoTowers):
        save_two_towers(model, folder)
    elif isinstance(model, Clip):
        save_clip(model, folder)
    else:
        save_embedder(model, folder)
