"""Several scales and whole images."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from PIL import Image
from torch import Tensor, nn
from torchvision.transforms.v2.functional import pil_to_tensor

from zoo.data.preprocessing import Preprocessing
from zoo.embedding.sizes import (
    MultiScale,
    WholeImages,
    described_input,
    require_any_size,
)
from zoo.errors import UsageError
from zoo.models import EmbedderConfig, build_embedder

normalize = nn.functional.normalize

THREE_SCALES = (1.0, 2**-0.5, 0.5)  # of the revisited Oxford and Paris benchmark


class Colours(nn.Module):
    transform = staticmethod(torch.as_tensor)
    dim = 3

    def forward(self, images: Tensor) -> Tensor:
        self.sizes = [*getattr(self, "sizes", []), tuple(images.shape[2:])]
        return normalize(images.mean(dim=(2, 3)), dim=1)


def test_three_scales_see_three_sizes_and_keep_a_flat_image_s_embedding() -> None:
    model, images = Colours(), torch.rand(2, 3, 1, 1).expand(2, 3, 64, 96)
    got = MultiScale(model, THREE_SCALES)(images)
    assert model.sizes == [(64, 96), (45, 67), (32, 48)]  # the floor, as the authors' code
    torch.testing.assert_close(got, Colours()(images))


SMALL = Preprocessing(size=64, resize=80)


@pytest.mark.parametrize(
    ("head", "exponent"), [({}, 2.5), ({"dim": 8}, 1), ({"layer_norm": "l2"}, 1)]
)
def test_the_mean_over_scales_is_gems_own_where_the_network_ends_in_it(
    head: dict[str, Any], exponent: float
) -> None:
    config = EmbedderConfig("test_resnet", preprocessing=SMALL, pooling="gem", **head)
    model = build_embedder(config).eval()
    model.pooling.p.data.fill_(2.5)  # type: ignore[operator]
    images = torch.randn(2, 3, 64, 64)
    several = MultiScale(model, (1.0, 0.5))
    halves = torch.nn.functional.interpolate(images, size=(32, 32), mode="bilinear")
    each = torch.stack([model(images), model(halves)]).double()
    if exponent > 1:  # by hand, in float64
        want = normalize((each**exponent).mean(dim=0) ** (1 / exponent), dim=1)
    else:
        want = normalize(each.sum(dim=0), dim=1)
    torch.testing.assert_close(several(images).double(), want, rtol=1e-4, atol=1e-5)
    told = described_input(several)["scales"]
    assert ("generalised mean with p = 2.5" in told) == (exponent > 1)


def test_a_transformer_is_scaled_to_whole_patches() -> None:
    model = build_embedder(EmbedderConfig("test_vit", preprocessing=SMALL)).eval()
    several = MultiScale(WholeImages(model, 64), THREE_SCALES)
    assert several.step == 16
    assert several(torch.randn(1, 3, 64, 48)).shape == (1, model.dim)


@pytest.mark.parametrize(
    "size", [(1024, 683), (1000, 667), (683, 1024), (333, 1999), (640, 480), (80, 50)]
)
def test_whole_images_have_the_sizes_of_pillows_thumbnail(size: tuple[int, int]) -> None:
    image = Image.effect_noise(size, 50).convert("RGB")
    model = build_embedder(EmbedderConfig("test_resnet", preprocessing=SMALL))
    pixels = WholeImages(model, 362).transform(image)
    image.thumbnail((362, 362), Image.Resampling.LANCZOS)
    assert tuple(pixels.shape[1:]) == image.size[::-1]
    back = pixels * torch.tensor(SMALL.std)[:, None, None] + torch.tensor(SMALL.mean)[:, None, None]
    torch.testing.assert_close(back, pil_to_tensor(image) / 255)


def test_whole_images_keep_their_shape_and_lose_nothing() -> None:
    model = build_embedder(EmbedderConfig("test_resnet", preprocessing=SMALL)).eval()
    whole = WholeImages(model, 96)
    pixels = whole.transform(Image.new("RGB", (300, 200), (255, 0, 0)))
    assert pixels.shape == (3, 64, 96)
    red = (1 - SMALL.mean[0]) / SMALL.std[0]
    torch.testing.assert_close(pixels[0], torch.full((64, 96), red))
    assert whole(pixels[None]).shape == (1, whole.dim)


def test_whole_images_are_whole_patches_for_a_transformer() -> None:
    model = build_embedder(EmbedderConfig("test_vit", preprocessing=SMALL)).eval()
    whole = WholeImages(model, 100)
    pixels = whole.transform(Image.new("RGB", (300, 200)))
    assert [side % whole.step for side in pixels.shape[1:]] == [0, 0]
    assert whole(pixels[None]).shape == (1, whole.dim)


def test_networks_of_one_size_refuse_others() -> None:
    model = Colours()
    model.backbone = nn.Module()
    model.backbone.patch_embed = nn.Module()
    model.backbone.patch_embed.strict_img_size = True  # type: ignore[assignment]
    with pytest.raises(UsageError, match="takes images of one size only"):
        require_any_size(model)


def test_the_input_is_described_as_it_is() -> None:
    model = build_embedder(EmbedderConfig("test_resnet", preprocessing=SMALL))
    assert described_input(model) == {"input": "shorter side 80, centre 64 x 64"}
    squashed = EmbedderConfig("test_resnet", preprocessing=replace(SMALL, crop_mode="squash"))
    shape = described_input(build_embedder(squashed))
    assert shape == {"input": "squashed to 80, centre 64 x 64"}
    both = described_input(MultiScale(WholeImages(model, 1024), (1.0, 0.5)))
    assert both == {"input": "whole images, longer side 1024", "scales": "1, 0.5"}
    assert described_input(Colours()) == {}
