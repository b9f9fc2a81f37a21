"""Checkpoints of mmdetection 2, as aLRP and Rank & Sort publish them, into model folders."""

from pathlib import Path
from typing import Any

from torch import Tensor

from zoo.detection.network import build_network
from zoo.detection.storage import load_weights, save_detector
from zoo.errors import DataError
from zoo.files import refuse_to_overwrite
from zoo.hub.pickles import foreign_classes, read_pickle
from zoo.recipes.detector import DetectionRecipe


def convert_detector(checkpoint: Path, recipe: DetectionRecipe, out: Path) -> dict[str, Any]:
    """Write the detector of a checkpoint as a model folder; return the folder and what is in it.

    Tensors are all that is taken: other objects in the file become inert placeholders. The names
    of mmdetection 2 are those of version 3, up to a `module.` of data-parallel training. The
    labels come from the checkpoint's `meta`.

    Raises:
        IntegrityError: it is damaged, asks for code to run, or is not the recipe's network.
        DataError: it does not say its labels.
    """
    refuse_to_overwrite(out)
    value = read_pickle(checkpoint, foreign_classes(checkpoint))
    state = renamed(value.get("state_dict", value))
    labels = labels_of(checkpoint, value.get("meta") or {})
    model = build_network(recipe, len(labels))
    load_weights(model, state, checkpoint)
    save_detector(out, recipe, labels, model.state_dict())
    return {"folder": str(out), "labels": list(labels), "tensors": len(state)}


def renamed(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors under the names of mmdetection 3."""
    return {name.removeprefix("module."): tensor for name, tensor in state.items()}


def labels_of(checkpoint: Path, meta: dict[str, Any]) -> tuple[str, ...]:
    """Return the labels a checkpoint was trained on: `CLASSES` in version 2."""
    named = meta.get("CLASSES") or (meta.get("dataset_meta") or {}).get("classes")
    if not named:
        hint = "its meta must hold CLASSES, as mmdetection writes it"
        raise DataError(f"{checkpoint}: no labels in it", hint)
    return tuple(map(str, named))
