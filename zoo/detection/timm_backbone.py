"""A timm network as a detector's backbone: its feature maps, small or large."""

from dataclasses import dataclass
from typing import Any

import timm
import torch
from jaxtyping import Float
from mmdet.registry import MODELS
from mmengine.model import BaseModule
from torch import Tensor, nn

from zoo.errors import UsageError
from zoo.models.backbone import build_backbone
from zoo.models.tensor_names import plain_architecture

STRIDES = (4, 8, 16, 32)  # of the maps that a feature pyramid stands on


@dataclass(frozen=True)
class Features:
    """Which maps of a network have the strides, how wide they are, and what pixels it knows."""

    places: tuple[int, ...]
    widths: tuple[int, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]


def features_of(architecture: str) -> Features:
    """Return the maps of a timm network at the strides 4 to 32; nothing is allocated.

    Raises:
        UsageError: timm does not know it, or it has no such maps.
    """
    with torch.device("meta"):
        build_backbone(architecture)  # refuses a name that timm does not know, and names others
        try:
            info: Any = _maps(architecture).feature_info
        except (RuntimeError, AttributeError, TypeError) as error:
            raise _without_maps(architecture) from error
    strides = info.reduction()
    if not set(STRIDES) <= set(strides):
        raise _without_maps(architecture)
    places = tuple(strides.index(stride) for stride in STRIDES)
    widths = tuple(info.channels()[place] for place in places)
    known = timm.get_pretrained_cfg(plain_architecture(architecture), allow_unregistered=True)
    return Features(places, widths, tuple(known.mean), tuple(known.std))


@MODELS.register_module()
class TimmBackbone(BaseModule):  # type: ignore[misc]
    """The maps of a timm network at the strides 4, 8, 16 and 32.

    `rest`: its batch-norm layers keep their statistics, which a batch of few images would spoil.
    """

    def __init__(self, architecture: str, rest: bool) -> None:
        super().__init__()
        self.network = _maps(architecture, features_of(architecture).places)
        self.rest = rest

    def forward(self, images: Float[Tensor, "batch 3 height width"]) -> tuple[Tensor, ...]:
        """Return the maps, the finest first."""
        return tuple(self.network(images))

    def train(self, mode: bool = True) -> "TimmBackbone":
        """Train or not; statistics that rest stay as they are."""
        super().train(mode)
        for module in self.network.modules():
            if self.rest and isinstance(module, nn.BatchNorm2d):
                module.eval()
        return self


def _maps(architecture: str, places: tuple[int, ...] | None = None) -> nn.Module:
    name = plain_architecture(architecture)
    chosen = {} if places is None else {"out_indices": places}
    network: nn.Module = timm.create_model(name, pretrained=False, features_only=True, **chosen)
    return network


def _without_maps(architecture: str) -> UsageError:
    strides = ", ".join(map(str, STRIDES))
    return UsageError(
        f"network.architecture={architecture}: timm gives no maps of it at the strides {strides}",
        "for example mobilenetv2_100, tf_efficientnet_lite0 or regnety_004",
    )
