"""The names of a model's tensors and settings on disk: timm's, so that timm opens the folder too.

The backbone's tensors stand under timm's own names, and what this zoo puts on it under
`rankzoo.`. Folders whose backbone stands under `backbone.`, as it is in memory, are read as well.
"""

from collections.abc import Mapping
from typing import Any

import timm
from torch import Tensor

OURS = "rankzoo."
BACKBONE = "backbone."


def on_disk(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return tensors by the names that they have in a file."""
    return {
        name.removeprefix(BACKBONE) if name.startswith(BACKBONE) else OURS + name: tensor
        for name, tensor in state.items()
    }


def in_memory(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return tensors by the names that they have in a model: of ours, earlier or not, or timm's."""
    if any(name.startswith(BACKBONE) for name in state):
        return dict(state)
    return {
        name.removeprefix(OURS) if name.startswith(OURS) else BACKBONE + name: tensor
        for name, tensor in state.items()
    }


def backbone_of(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the backbone's tensors of any of these, by timm's names."""
    named = in_memory(state).items()
    return {k.removeprefix(BACKBONE): v for k, v in named if k.startswith(BACKBONE)}


def plain_architecture(architecture: str) -> str:
    """Return `resnet50` of `timm/resnet50.tv_in1k`."""
    return architecture.removeprefix("timm/").split(".")[0]


def for_timm(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a `config.json` with what `timm.create_model` wants to know beside ours.

    The network has no classifier, and timm may find tensors that are not its own (it then says
    so): both hold if the number of classes that it was trained on is another than the network's.
    """
    name = plain_architecture(config["architecture"])
    known = timm.get_pretrained_cfg(name, allow_unregistered=True)
    size = known.input_size[-1]  # of the position embeddings, which `build_backbone` keeps
    sizes = {"img_size": size, "dynamic_img_size": True} if known.fixed_input_size else {}
    weights = {"num_classes": -1, "classifier": known.classifier, "first_conv": known.first_conv}
    return {
        **config,
        "architecture": name,
        "pretrained_cfg": {**config["pretrained_cfg"], **weights},
        "model_args": {"num_classes": 0, **sizes},
    }
