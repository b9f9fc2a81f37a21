"""What a recipe asks of a backbone's layers: computed again, of falling rates, adapted."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import timm
import torch
from timm.models import group_parameters
from torch import nn

from zoo.cards.model_files import CONFIG, read_config
from zoo.errors import UsageError
from zoo.models.backbone import build_backbone
from zoo.models.tensor_names import plain_architecture
from zoo.recipes.recipe import Lora, Recipe
from zoo.training.lora import check_lora, towers


def check_layers(recipe: Recipe) -> None:
    """Raise `UsageError` if it is known that the backbone cannot do what the recipe asks of layers.

    A timm name or a model folder is enough to know; the network is built of shapes alone.
    """
    again, decay = recipe.engine.checkpointing, recipe.optimiser.layer_decay
    frozen = recipe.network.frozen
    if not again and decay == 1 and recipe.lora == Lora() and not frozen:
        return
    if again and recipe.network.batch_norm == "train":
        raise UsageError(
            "engine.checkpointing: batch norms that train would count every batch twice",
            "set network.batch_norm=frozen, or batch.chunk instead of engine.checkpointing",
        )
    architecture = _architecture(recipe.network.backbone)
    if architecture is not None:
        with torch.device("meta"):
            backbone = build_backbone(architecture)
        if again:
            recompute(backbone)
        layer_factors(backbone, decay)
        check_lora(backbone, recipe.lora)
        frozen_parameters(backbone, frozen)


def recompute(backbone: nn.Module) -> None:
    """Let a backbone keep its blocks' inputs alone, and compute the rest again going backward.

    Chen et al., Training Deep Nets with Sublinear Memory Cost, 2016. The gradient is the same.

    Raises:
        UsageError: the network has no such blocks.
    """
    for tower in towers(backbone):
        if not _recompute(tower):
            raise UsageError(
                f"engine.checkpointing: {type(tower).__name__} cannot compute its blocks again",
                "leave it out; batch.chunk bounds the memory of every network",
            )


def layer_factors(backbone: nn.Module, decay: float) -> dict[str, float]:
    """Return each parameter's factor of the rate: `decay` ** (layers below the last).

    The layers are timm's groups, the stem first; without a decay there is one factor, 1.

    Raises:
        UsageError: the decay is not in (0, 1], or timm knows no layers of the network.
    """
    if not 0 < decay <= 1:
        raise UsageError(f"optimiser.layer_decay={decay}", "a number above 0, 1 at most")
    names = [name for name, _ in backbone.named_parameters()]
    if decay == 1:
        return dict.fromkeys(names, 1.0)
    matcher: Any = getattr(backbone, "group_matcher", None)
    groups = group_parameters(backbone, matcher(coarse=False), reverse=True) if matcher else {}
    last = max(groups.values(), default=0)
    if last == 0:
        raise UsageError(
            f"optimiser.layer_decay: timm knows no layers of {type(backbone).__name__}",
            "set optimiser.layer_decay=1",
        )
    return {name: decay ** (last - groups[name]) for name in names}


def frozen_parameters(backbone: nn.Module, names: Sequence[str]) -> list[nn.Parameter]:
    """Return the parameters whose names begin with one of `names` ("blocks.1" is not "blocks.10").

    Raises:
        UsageError: a name fits no parameter.
    """
    found = []
    for name in names:
        own = [p for key, p in backbone.named_parameters() if f"{key}.".startswith(f"{name}.")]
        if not own:
            parts = ", ".join(dict.fromkeys(_part(key) for key, _ in backbone.named_parameters()))
            raise UsageError(
                f"network.frozen: the backbone has no part {name!r}", f"it has {parts}"
            )
        found += own
    return found


def _recompute(tower: Any) -> bool:
    """Switch it on in a network of timm or of transformers; return whether that was possible."""
    if getattr(tower, "supports_gradient_checkpointing", False):
        names = ("activation_checkpointing_enable", "gradient_checkpointing_enable")  # new, old
        enable = next(getattr(tower, name) for name in names if hasattr(tower, name))
        enable({"use_reentrant": False})
        return True
    try:
        tower.set_grad_checkpointing(True)
    except (AttributeError, AssertionError, NotImplementedError):  # timm's three ways to say no
        return False
    return True


def _part(key: str) -> str:
    """Return the name of the top part a parameter is in: "blocks.3.0.conv.weight" is "blocks.3"."""
    first, *rest = key.split(".")
    return f"{first}.{rest[0]}" if rest and rest[0].isdigit() else first


def _architecture(backbone: str) -> str | None:
    """Return the architecture of a model folder or a timm name; None if neither says."""
    folder = Path(backbone).expanduser()
    if (folder / CONFIG).is_file():
        found = read_config(folder).get("architecture")
        return found if isinstance(found, str) else None
    return backbone if timm.is_model(plain_architecture(backbone)) else None
