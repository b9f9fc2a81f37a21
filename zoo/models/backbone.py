"""timm networks without their classifier, and their weights, loaded strictly."""

from typing import Any

import timm
import torch
from torch import Tensor, nn

from zoo.errors import IntegrityError, UsageError, suggestion
from zoo.models.tensor_names import plain_architecture


def build_backbone(architecture: str) -> nn.Module:
    """Build a timm network without weights or classifier; transformers take any input size.

    Raises:
        UsageError: timm has no such architecture.
    """
    name = plain_architecture(architecture)
    if not timm.is_model(name):
        hint = suggestion(name, timm.list_models(), "see timm.list_models()", 3)
        raise UsageError(f"architecture {architecture!r} is not one of timm's", hint)
    fixed_size = bool(timm.get_pretrained_cfg(name, allow_unregistered=True).fixed_input_size)
    options = {"dynamic_img_size": True} if fixed_size else {}
    try:
        return _create(name, **options)
    except TypeError:  # a fixed-size network whose positions cannot be resampled
        return _create(name)


def cut_off(backbone: Any, depth: int) -> int:
    """Remove everything after the first `depth` feature levels; return the width of the last.

    Raises:
        UsageError: the network has fewer levels, or timm cannot cut it.
    """
    levels = len(backbone.feature_info)
    if not 1 <= depth <= levels:
        raise UsageError(f"depth={depth}: the backbone has {levels} feature levels")
    try:
        backbone.prune_intermediate_layers([depth - 1], prune_norm=True, prune_head=True)
    except AttributeError as error:
        raise UsageError(f"depth={depth}: timm cannot cut this backbone off", "use null") from error
    return int(backbone.feature_info[depth - 1]["num_chs"])


def load_backbone(backbone: nn.Module, state: dict[str, Tensor], whole: bool = True) -> None:
    """Load a timm checkpoint; only its classifier may be left over, or more when not `whole`.

    Raises:
        IntegrityError: a tensor is missing, unknown or of another shape.
    """
    config: dict[str, Any] = backbone.default_cfg  # type: ignore[assignment]
    classifiers = config.get("classifier") or ()
    names = (classifiers,) if isinstance(classifiers, str) else tuple(classifiers)
    prefixes = tuple(f"{name}." for name in names)
    kept = state if whole else state.keys() & backbone.state_dict().keys()
    load_strictly(backbone, {k: state[k] for k in kept if not k.startswith(prefixes)})


def without_distillation(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return a distilled transformer's weights for the network without its second token.

    The distillation token, its position (the second one) and its classifier are dropped: the
    class token then attends to the patches alone (ROADMAP's DeiT).

    Raises:
        IntegrityError: the weights are not those of a distilled transformer.
    """
    if not {"dist_token", "pos_embed"} <= state.keys():
        raise IntegrityError(
            "the weights hold no distillation token", "network.undistilled is for DeiT distilled"
        )
    places = state["pos_embed"]
    kept = {k: v for k, v in state.items() if k != "dist_token" and not k.startswith("head_dist.")}
    return {**kept, "pos_embed": torch.cat([places[:, :1], places[:, 2:]], dim=1)}


def load_strictly(module: nn.Module, state: dict[str, Tensor]) -> None:
    """Load `state` into `module`, every tensor accounted for.

    Raises:
        IntegrityError: naming the first tensors that are missing, unknown or of another shape.
    """
    own = module.state_dict()
    missing = sorted(own.keys() - state.keys())
    unknown = sorted(state.keys() - own.keys())
    shapes = [k for k in own.keys() & state.keys() if own[k].shape != state[k].shape]
    for what, keys in (("missing", missing), ("unknown", unknown), ("misshapen", sorted(shapes))):
        if keys:
            raise IntegrityError(
                f"the weights do not fit: {len(keys)} {what} tensors, first {', '.join(keys[:3])}",
                "check that config.json and the weights belong together",
            )
    module.load_state_dict(state)


def _create(name: str, **options: Any) -> nn.Module:
    backbone: nn.Module = timm.create_model(name, pretrained=False, num_classes=0, **options)
    return backbone
