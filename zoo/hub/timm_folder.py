"""A timm repository made from weights that lie elsewhere: config.json and model.safetensors."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import timm
from safetensors.torch import save_file
from torch import Tensor, nn

from zoo.cards.model_files import CONFIG, WEIGHTS
from zoo.cards.shelf import Card
from zoo.errors import IntegrityError
from zoo.files import write_json
from zoo.hub.pickles import read_state_dict


def timm_folder(card: Card, weights: Path, folder: Path) -> None:
    """Write `folder` as a timm repository: config.json and model.safetensors.

    The card's `rename: in order` says that the file's tensors are timm's, one to one in order.

    Raises:
        IntegrityError: unsafe or other tensors than the architecture has.
    """
    architecture = str(card.block["architecture"])
    model = timm.create_model(architecture, pretrained=False)
    tensors = read_state_dict(weights)
    if card.block["source"].get("rename") == "in order":
        tensors = renamed_in_order(tensors, model.state_dict(), str(weights))
    model.load_state_dict(tensors, strict=True)
    save_file({name: t.contiguous() for name, t in tensors.items()}, folder / WEIGHTS)
    write_timm_config(model, card.block["transform"], folder)


def renamed_in_order(
    tensors: dict[str, Tensor], target: dict[str, Tensor], where: str
) -> dict[str, Tensor]:
    """Give the n-th tensor the n-th name of `target`; kinds and shapes must agree all along.

    Raises:
        IntegrityError: another number of tensors, or one of another kind or shape.
    """
    if len(tensors) != len(target):
        raise IntegrityError(f"{where}: {len(tensors)} tensors, {len(target)} expected")
    for (old, tensor), (new, expected) in zip(tensors.items(), target.items(), strict=True):
        if tensor.shape != expected.shape or old.split(".")[-1] != new.split(".")[-1]:
            raise IntegrityError(f"{where}: {old} cannot be {new}: kind or shape differs")
    return dict(zip(target, tensors.values(), strict=True))


def write_timm_config(model: nn.Module, transform: Mapping[str, Any], folder: Path) -> None:
    """Write config.json of a timm network whose preprocessing is the card's `transform`."""
    registered: dict[str, Any] = dict(model.pretrained_cfg)  # type: ignore[arg-type]
    kept = ("tag", "pool_size", "first_conv", "classifier", "license", "num_classes")
    described = {key: registered[key] for key in kept if registered.get(key) is not None}
    write_json(
        folder / CONFIG,
        {
            "architecture": registered["architecture"],
            "num_classes": model.num_classes,
            "num_features": model.num_features,
            "pretrained_cfg": {**described, "crop_mode": "center", **transform},
        },
    )
