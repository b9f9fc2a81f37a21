"""From a recipe and a path to what `train` takes: the data read, the network built."""

from dataclasses import replace
from pathlib import Path

from zoo.data.dataset import ImageDataset, OnBadImage
from zoo.data.open import open_dataset
from zoo.data.preprocessing import IMAGENET_MEAN, IMAGENET_STD
from zoo.hub import resolve_model
from zoo.models import Embedder, EmbedderConfig, build_embedder, read_config
from zoo.models.text_encoder import TextEncoder, load_text_encoder
from zoo.progress import Track, silent
from zoo.recipes.recipe import Network, Recipe
from zoo.training.optimise import frozen_parameters
from zoo.training.step import replayable


def read_data(recipe: Recipe, path: Path, on_bad_image: OnBadImage = "fail") -> ImageDataset:
    """Read the data a recipe trains on; the reader `folder` takes whatever lies at the path.

    Raises:
        UsageError: the recipe's reader does not exist.
        DataError: what is wrong with the files.
    """
    reader = recipe.data.reader
    return open_dataset(None if reader == "folder" else reader, path, on_bad_image=on_bad_image)


def build_network(
    recipe: Recipe,
    *,
    revision: str | None = None,
    offline: bool = False,
    seed: int = 0,
    track: Track = silent,
) -> Embedder:
    """Find the backbone's weights and build the recipe's network on them.

    Raises:
        UnavailableError, IntegrityError: the weights cannot be had, or are not what was promised.
    """
    name = recipe.network.backbone
    folder = resolve_model(name, revision=revision, offline=offline, track=track)
    return embedder_of(recipe, folder, seed)


def load_encoder(
    recipe: Recipe, *, offline: bool = False, device: str = "cpu", track: Track = silent
) -> TextEncoder | None:
    """Find and load the text encoder of a recipe with captions."""
    if recipe.captions is None:
        return None
    folder = resolve_model(recipe.captions.encoder, offline=offline, track=track)
    return load_text_encoder(folder).to(device)


def embedder_of(recipe: Recipe, folder: Path, seed: int = 0) -> Embedder:
    """Build the recipe's network on the backbone of a model folder, its head drawn from `seed`."""
    network = recipe.network
    config = configured(network, read_config(folder))
    weights = folder if network.pretrained else None
    with replayable(seed):
        model = build_embedder(config, weights, undistilled=network.undistilled)
    frozen_parameters(model.backbone, network.frozen)  # a wrong name is refused before any work
    return model


def configured(network: Network, backbone: EmbedderConfig) -> EmbedderConfig:
    """Return the configuration of a recipe's network, given its backbone's."""
    shape = backbone if network.size is None else backbone.at_size(network.size, network.resize)
    inputs = shape.preprocessing
    if network.crop_mode is not None:
        inputs = replace(inputs, crop_mode=network.crop_mode)
    if network.interpolation is not None:
        inputs = replace(inputs, interpolation=network.interpolation)
    if network.colours == "imagenet":
        inputs = replace(inputs, mean=IMAGENET_MEAN, std=IMAGENET_STD)
    name = shape.architecture
    return replace(
        shape,
        architecture=name.replace("_distilled", "") if network.undistilled else name,
        pooling=network.pooling,
        layer_norm=network.layer_norm,
        dim=network.dim,
        depth=network.depth,
        preprocessing=inputs,
    )
