"""A detector on a timm network: its maps, its pixels, its weights, its folder."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import timm
import torch

from zoo.detection.bridge import require_mmdet
from zoo.detection.network import build_network, network_config
from zoo.detection.storage import load_detector, save_detector
from zoo.detection.training import load_backbone
from zoo.errors import DataError, UsageError
from zoo.recipes.detector import DetectionRecipe, DetectorNetwork

require_mmdet()

from zoo.detection.timm_backbone import STRIDES, TimmBackbone, features_of  # noqa: E402

MakeRecipe = Callable[..., DetectionRecipe]
TINY = "test_efficientnet"


@pytest.mark.parametrize("architecture", [TINY, "mobilenetv2_100", "resnet18", "convnext_atto"])
def test_the_maps_have_the_widths_and_strides_that_are_told(architecture: str) -> None:
    network = TimmBackbone(architecture, rest=False).eval()
    with torch.inference_mode():
        maps = network(torch.zeros(1, 3, 64, 64))
    assert [each.shape[1] for each in maps] == list(features_of(architecture).widths)
    assert [64 // each.shape[2] for each in maps] == list(STRIDES)


def test_pixels_are_normalised_as_the_network_knows_them(recipe: MakeRecipe) -> None:
    model = network_config(recipe(network__architecture="tf_efficientnet_lite0"), labels=2)
    assert model["data_preprocessor"]["mean"] == model["data_preprocessor"]["std"] == [127.5] * 3


@pytest.mark.parametrize(
    ("architecture", "problem"),
    [("vit_tiny_patch16_224", "strides 4, 8, 16, 32"), ("mobilenetv9", "not one of timm's")],
)
def test_a_network_without_such_maps_is_refused(architecture: str, problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        features_of(architecture)


def test_what_only_a_resnet_of_mmdetection_has_is_refused() -> None:
    with pytest.raises(UsageError, match="a ResNet's, not mobilenetv2_100's"):
        DetectorNetwork("retinanet", architecture="mobilenetv2_100", deformable=True)


@pytest.mark.parametrize("rest", [True, False])
def test_statistics_rest_where_they_were_learned(rest: bool) -> None:
    network = TimmBackbone(TINY, rest).train()
    before = {name: each.clone() for name, each in network.named_buffers()}
    network(torch.randn(2, 3, 64, 64) + 1)
    changed = [name for name, each in network.named_buffers() if not each.equal(before[name])]
    assert bool(changed) != rest
    assert all(parameter.requires_grad for parameter in network.parameters())


def test_a_classifiers_weights_are_taken_whole_and_another_networks_refused(
    recipe: MakeRecipe,
) -> None:
    torch.manual_seed(0)
    source: Any = timm.create_model(TINY)
    model: Any = build_network(recipe(network__architecture=TINY), labels=2)
    load_backbone(model, source.state_dict(), Path(TINY))
    taken, given = model.backbone.network.state_dict(), source.state_dict()
    assert taken
    assert all(tensor.equal(given[name]) for name, tensor in taken.items())
    other = timm.create_model("mobilenetv2_100").state_dict()
    with pytest.raises(DataError, match=r"there: .* has the shape"):
        load_backbone(model, other, Path("there"))


def test_it_comes_back_from_its_folder(recipe: MakeRecipe, tmp_path: Path) -> None:
    made = recipe(loss="ap", network__architecture=TINY)
    model: Any = build_network(made, labels=2).eval()
    save_detector(tmp_path, made, ("cat", "dog"), model.state_dict())
    again: Any = load_detector(tmp_path)
    images = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        for ours, theirs in zip(again(images), model(images), strict=True):
            torch.testing.assert_close(ours, theirs, rtol=0, atol=0)
