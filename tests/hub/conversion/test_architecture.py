"""An architecture is read off tensors as torchvision and timm make them, here without numbers."""

from collections.abc import Mapping

import pytest
import timm
import torch
import torchvision
from torch import Tensor

from zoo.errors import UsageError
from zoo.hub.conversion.architecture import find_architecture

RESNETS = [f"resnet{depth}" for depth in (18, 34, 50, 101, 152)]
VGGS = [f"vgg{depth}{kind}" for depth in (11, 13, 16, 19) for kind in ("", "_bn")]
VITS = [
    "vit_tiny_patch16_224",
    "vit_small_patch16_224",
    "vit_small_patch32_384",
    "vit_base_patch8_224",
    "vit_base_patch16_384",
    "vit_base_patch32_224",
    "vit_large_patch16_224",
]


def backbone(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {f"backbone.{name}": tensor for name, tensor in state.items()}


@pytest.mark.parametrize("name", RESNETS + VGGS)
def test_torchvision_s_networks_are_told_apart(name: str) -> None:
    with torch.device("meta"):
        network = torchvision.models.get_model(name)
    assert find_architecture(backbone(network.state_dict())) == name


@pytest.mark.parametrize("name", VITS)
def test_timm_s_transformers_are_told_apart_by_width_patch_and_size(name: str) -> None:
    with torch.device("meta"):
        network = timm.create_model(name)
    assert find_architecture(backbone(network.state_dict())) == name


@pytest.mark.parametrize("blocks", [(1, 1, 1, 1), (2, 2, 2, 3), (0, 0, 0, 0)])
def test_an_architecture_nobody_knows_asks_for_its_name(blocks: tuple[int, ...]) -> None:
    names = [f"layer{s}.{b}.conv2.weight" for s, n in enumerate(blocks, 1) for b in range(n)]
    with pytest.raises(UsageError) as error:
        find_architecture(backbone(dict.fromkeys(names, torch.zeros(1))))
    assert "--architecture" in error.value.hint


def test_a_transformer_or_a_vgg_of_another_size_asks_for_its_name() -> None:
    with torch.device("meta"):
        wide = timm.create_model("vit_tiny_patch16_224", embed_dim=96).state_dict()
        deep = torchvision.models.vgg11(num_classes=2).features.state_dict()
    one_more = {f"features.{name}": tensor for name, tensor in deep.items()}
    one_more["features.40.weight"] = one_more["features.0.weight"]
    for state in (wide, one_more):
        with pytest.raises(UsageError, match="cannot be read off"):
            find_architecture(backbone(state))
