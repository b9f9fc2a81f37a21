"""A model from any name: `zoo.load("efficientnet_lite0")`, a folder, `owner/name@revision`."""

from pathlib import Path

from torch import nn

from zoo.cards.model_files import read_config
from zoo.detection.storage import is_detector, load_detector
from zoo.hub.resolve import resolve_model
from zoo.models import load_embedder
from zoo.models.clip import is_clip, load_clip
from zoo.models.scorer import load_scorer
from zoo.models.text_encoder import is_text_encoder, load_text_encoder
from zoo.sorters.store import load_sorter


def load(
    name: str, *, revision: str | None = None, offline: bool = False, device: str = "cpu"
) -> nn.Module:
    """Return the model called `name` in evaluation mode.

    An image embedder has `.embed_images` and `.transform`, a text encoder `.embed_texts`.

    Raises:
        UnavailableError: no such model, or it cannot be reached.
        IntegrityError: its files are not what was promised.
    """
    folder = resolve_model(name, revision=revision, offline=offline)
    return load_folder(folder).to(device).eval()


def load_folder(folder: Path) -> nn.Module:
    """Load a model folder; its config.json says which kind of model it is."""
    config = read_config(folder)
    if is_detector(config):
        return load_detector(folder)
    if "sorter" in config:
        return load_sorter(folder)
    if "scorer" in config:
        return load_scorer(folder)
    if is_clip(config):
        return load_clip(folder)
    if is_text_encoder(config):
        return load_text_encoder(folder)
    return load_embedder(folder)
