"""From a recipe and a path to what `train` takes: the data read, the network built."""

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

from zoo.cards.model_files import read_config as read_object
from zoo.data.dataset import ImageDataset, OnBadImage
from zoo.data.open import open_dataset
from zoo.data.preprocessing import IMAGENET_MEAN, IMAGENET_STD
from zoo.data.word_vectors import read_word_vectors
from zoo.errors import UsageError
from zoo.hub.resolve import resolve_model
from zoo.losses.pairs import PAIR_LOSSES
from zoo.models import Embedder, EmbedderConfig, build_embedder, read_config
from zoo.models.backbone import load_strictly
from zoo.models.clip import Clip, is_clip, load_clip
from zoo.models.kinds import AnyEmbedder
from zoo.models.storage import read_weights
from zoo.models.tensor_names import in_memory
from zoo.models.text_encoder import TextEncoder, load_text_encoder
from zoo.models.two_towers import TwoTowers
from zoo.models.word_encoder import WordEncoder, WordEncoderConfig
from zoo.progress import Track, silent
from zoo.recipes.recipe import SRU, Captions, Network, Recipe
from zoo.training.layers import frozen_parameters
from zoo.training.step import replayable

HEAD = ("pooling", "layer_norm", "dim", "depth", "maps", "dropout")
logger = logging.getLogger("rankzoo")


def read_data(recipe: Recipe, path: Path, on_bad_image: OnBadImage = "fail") -> ImageDataset:
    """Read the data a recipe trains on; the reader `folder` takes whatever lies at the path.

    Raises:
        UsageError: the recipe's reader does not exist.
        DataError: what is wrong with the files.
    """
    reader = recipe.data.reader
    labelled = recipe.captions is None
    name = None if reader == "folder" else reader
    return open_dataset(name, path, on_bad_image=on_bad_image, require_labels=labelled)


def build_network(
    recipe: Recipe,
    *,
    revision: str | None = None,
    offline: bool = False,
    seed: int = 0,
    track: Track = silent,
) -> AnyEmbedder:
    """Find the backbone's weights and build the recipe's network on them; see `Captions`.

    Raises:
        UnavailableError, IntegrityError: the weights cannot be had, or are not what was promised.
    """
    name = recipe.network.backbone
    folder = resolve_model(name, revision=revision, offline=offline, track=track)
    if is_clip(read_object(folder)):
        return clip_of(recipe, folder)
    image = embedder_of(recipe, folder, seed)
    if recipe.captions is None or not recipe.captions.both:
        return image
    if recipe.captions.encoder == "backbone":
        raise UsageError(f"{name} reads no text", "set captions.encoder to a text encoder's name")
    if recipe.captions.encoder == SRU:
        return TwoTowers(image, word_encoder_of(recipe.captions, image.dim, seed))
    text = resolve_model(recipe.captions.encoder, offline=offline, track=track)
    return TwoTowers(image, load_text_encoder(text))


def word_encoder_of(captions: Captions, width: int, seed: int = 0) -> WordEncoder:
    """Build the text tower over the recipe's word vectors, its layers drawn from `seed`.

    Raises:
        DataError: the vectors are missing, or not in a form that is read.
    """
    vectors = read_word_vectors(Path(captions.vectors).expanduser(), captions.most_words)
    count, wide = vectors.table.shape
    logger.info(f"{captions.vectors}: {count:,} words of {wide} numbers")
    with replayable(seed):
        return WordEncoder(vectors, WordEncoderConfig(width, captions.layers, captions.dropout))


def clip_of(recipe: Recipe, folder: Path) -> Clip:
    """Load a CLIP or SigLIP whose towers are both trained.

    Raises:
        UsageError: the recipe has no captions, another text encoder, or another head or input.
    """
    network = recipe.network
    if recipe.captions is None or recipe.captions.encoder != "backbone":
        pairs = ", ".join(PAIR_LOSSES)
        raise UsageError(
            f"{network.backbone} has a text tower of its own: it trains on images and captions",
            f"--loss with one of {pairs}; or --set captions.encoder=backbone",
        )
    plain = Network(network.backbone, frozen=network.frozen, batch_norm=network.batch_norm)
    for name, value in vars(network).items():
        if value != getattr(plain, name):
            raise UsageError(f"network.{name}={value}: CLIP is trained as it is", "leave it out")
    model = load_clip(folder)
    frozen_parameters(model.backbone, network.frozen)  # a wrong name is refused before any work
    return model


def load_encoder(
    recipe: Recipe, *, offline: bool = False, device: str = "cpu", track: Track = silent
) -> TextEncoder | None:
    """Find and load the frozen text encoder of a recipe with captions, where it has one."""
    if recipe.captions is None or recipe.captions.both:
        return None
    folder = resolve_model(recipe.captions.encoder, offline=offline, track=track)
    return load_text_encoder(folder).to(device)


def embedder_of(recipe: Recipe, folder: Path, seed: int = 0) -> Embedder:
    """Build the recipe's network on the backbone of a model folder, its head drawn from `seed`.

    The head of a start that is an embedder of this zoo is kept unless the recipe says otherwise.
    """
    network, start = recipe.network, read_config(folder)
    config = configured(network, start)
    weights = folder if network.pretrained else None
    with replayable(seed):
        model = build_embedder(config, weights, undistilled=network.undistilled)
    if weights is not None and network.keep_head and _head(start) != _head(EmbedderConfig("")):
        _continue(model, start, folder)
    frozen_parameters(model.backbone, network.frozen)  # a wrong name is refused before any work
    return model


def _head(config: EmbedderConfig) -> dict[str, Any]:
    """Return what an embedder puts on its backbone, and where it cuts that off."""
    return {name: getattr(config, name) for name in HEAD}


def _continue(model: Embedder, start: EmbedderConfig, folder: Path) -> None:
    """Keep the start's head where it is the recipe's too, and say whether it is."""
    ours, theirs = _head(model.config), _head(start)
    changed = [
        f"{name}: {theirs[name]} -> {ours[name]}" for name in HEAD if ours[name] != theirs[name]
    ]
    if changed:
        logger.info(f"{folder} is continued with a new head ({', '.join(changed)})")
        return
    load_strictly(model, in_memory(read_weights(folder)))
    kept = ", ".join(f"{name} {value}" for name, value in theirs.items() if value is not None)
    logger.info(f"{folder} is continued with its own head ({kept})")


def configured(network: Network, backbone: EmbedderConfig) -> EmbedderConfig:
    """Return the configuration of a recipe's network, given its backbone's.

    Raises:
        UsageError: the sizes cannot be, or the start lacks levels that the recipe wants.
    """
    shape = _at_size(network, backbone)
    inputs = shape.preprocessing
    if network.crop_mode is not None:
        inputs = replace(inputs, crop_mode=network.crop_mode)
    if network.interpolation is not None:
        inputs = replace(inputs, interpolation=network.interpolation)
    if network.colours == "imagenet":
        inputs = replace(inputs, mean=IMAGENET_MEAN, std=IMAGENET_STD)
    name = shape.architecture
    head = _chosen_head(network, backbone)
    return replace(
        shape,
        architecture=name.replace("_distilled", "") if network.undistilled else name,
        **head,
        preprocessing=inputs,
    )


def _at_size(network: Network, backbone: EmbedderConfig) -> EmbedderConfig:
    """Return the backbone's configuration at the recipe's pixels; each is its own by default."""
    if network.size is None and network.resize is None:
        return backbone
    try:
        return backbone.at_size(network.size or backbone.preprocessing.size, network.resize)
    except ValueError as error:
        raise UsageError(
            f"network.size={network.size}, network.resize={network.resize}: {error}",
            "what is resized to network.resize is cut down to network.size",
        ) from error


def _chosen_head(network: Network, start: EmbedderConfig) -> dict[str, Any]:
    """Return the recipe's head, where the start's is kept with what the recipe leaves open.

    Raises:
        UsageError: the recipe wants levels that the start no longer has.
    """
    plain, theirs = _head(EmbedderConfig("")), _head(start)
    head = {key: getattr(network, key) for key in HEAD}
    if not network.pretrained:
        return head
    if network.keep_head:
        head = {key: theirs[key] if head[key] == plain[key] else head[key] for key in HEAD}
    if start.depth is not None and (head["depth"] is None or head["depth"] > start.depth):
        raise UsageError(
            f"network.depth={head['depth']}: the start ends at level {start.depth}",
            f"--set network.depth={start.depth}, and a pooling of maps",
        )
    return head
