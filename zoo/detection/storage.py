"""A detector's model folder: config.json with its recipe and labels, model.safetensors.

The network is built from the recipe by our own code. An mmdetection configuration is never read
from a model folder: its `type` entries can name any function of any module.
"""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from zoo.cards.model_files import CONFIG, WEIGHTS, read_config
from zoo.detection.network import build_network
from zoo.errors import IntegrityError, UsageError
from zoo.files import sealing, write_json
from zoo.models.bounds import refuse_larger
from zoo.models.storage import read_weights, write_model
from zoo.recipes.detector import DetectionRecipe
from zoo.recipes.values import recipe_of, to_json

DEFAULT_THRESHOLD = 0.3


def save_detector(
    folder: Path, recipe: DetectionRecipe, labels: tuple[str, ...], state: Mapping[str, Tensor]
) -> None:
    """Write a detector's model folder; the scores a loss remembers are training's alone."""
    backbone = f"r{recipe.network.depth}"
    tensors = {k: tensor for k, tensor in state.items() if not k.endswith("_extra_state")}
    architecture = f"{recipe.network.detector}-{recipe.network.architecture or backbone}"
    config = {"architecture": architecture, "detector": to_json(recipe), "labels": list(labels)}
    write_model(folder, tensors, config)


def keep_threshold(folder: Path, threshold: float) -> None:
    """Write the score from which on boxes are shown beside the weights; 0 (nothing right) is not.

    Rounded down, so that the box whose score it is stays.
    """
    if threshold > 0:
        kept = math.floor(threshold * 1000) / 1000
        config = {**read_config(folder), "threshold": kept}
        with sealing(folder) as names:
            write_json(folder / CONFIG, config)
            names.update((CONFIG, WEIGHTS))


def threshold_of(config: Mapping[str, Any]) -> float:
    """Return the threshold kept in a detector's config.json, or .3.

    Raises:
        IntegrityError: it is no number between 0 and 1.
    """
    value = config.get("threshold", DEFAULT_THRESHOLD)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise IntegrityError(f"{CONFIG}: threshold is {value!r}, not between 0 and 1")
    return float(value)


def is_detector(config: Mapping[str, Any]) -> bool:
    """Whether a model folder's config.json is that of a detector."""
    return "detector" in config


def read_detector_config(folder: Path) -> tuple[DetectionRecipe, tuple[str, ...]]:
    """Return the recipe and the labels of a detector's model folder.

    Raises:
        IntegrityError: the folder holds something else, or a damaged configuration.
    """
    config = read_config(folder)
    labels = config.get("labels")
    if not is_detector(config) or not isinstance(labels, list) or not labels:
        raise IntegrityError(f"{folder / CONFIG} is not a detector's", "it has detector and labels")
    try:
        return recipe_of(DetectionRecipe, config["detector"]), tuple(map(str, labels))
    except UsageError as error:
        raise IntegrityError(f"{folder / CONFIG}: {error}", error.hint) from error


def load_detector(folder: Path) -> nn.Module:
    """Return a detector in evaluation mode; `.labels` are its classes, `.recipe` its recipe.

    Raises:
        IntegrityError: the weights do not fit the configuration.
    """
    recipe, labels = read_detector_config(folder)
    if (folder / WEIGHTS).is_file():
        refuse_larger(lambda: build_network(recipe, len(labels)), folder / WEIGHTS)
    model = build_network(recipe, len(labels))
    load_weights(model, read_weights(folder), folder / WEIGHTS)
    model.recipe, model.labels = recipe, labels  # type: ignore[assignment]
    model.threshold = threshold_of(read_config(folder))  # type: ignore[assignment]
    return model.eval()


def load_weights(model: nn.Module, state: Mapping[str, Tensor], source: Path) -> None:
    """Load weights that must fit, but for the running sums of a balance (`ranking.*`).

    Raises:
        IntegrityError: naming the first tensor that is missing, unknown or of another shape.
    """
    expected = model.state_dict()
    for name in sorted(state.keys() | expected.keys()):
        if name not in expected:
            raise IntegrityError(f"{source}: unknown tensor {name}")
        if name in state and state[name].shape != expected[name].shape:
            shapes = f"{tuple(state[name].shape)}, not {tuple(expected[name].shape)}"
            raise IntegrityError(f"{source}: {name} has the shape {shapes}")
        if name not in state and ".ranking." not in f".{name}":
            raise IntegrityError(f"{source}: {name} is missing")
    model.load_state_dict(dict(state), strict=False)
