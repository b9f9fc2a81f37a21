"""Several scales and whole images."""

from dataclasses import replace

import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from zoo.data.preprocessing import Preprocessing
from zoo.embedding.sizes import (
    THREE_SCALES,
    MultiScale,
    WholeImages,
    described_input,
    require_any_size,
)
from zoo.errors import UsageError
from zoo.models import EmbedderConfig, build_embedder

normalize = nn.functional.normalize


class Colours(nn.Module):
    transform = staticmethod(torch.as_tensor)
    dim = 3

    def forward(self, images: Tensor) -> Tensor:
        self.sizes = [*getattr(self, "sizes", []), tuple(images.shape[2:])]
        return normalize(images.mean(dim=(2, 3)), dim=1)


def test_three_scales_see_three_sizes_and_keep_a_flat_image_s_embedding() -> None:
    model, images = Colours(), torch.rand(2, 3, 1, 1).expand(2, 3, 64, 96)
    got = MultiScale(model, THREE_SCALES, multiple=16)(images)
    assert model.sizes == [(64, 96), (48, 64), (32, 48)]
    torch.testing.assert_close(got, Colours()(images))


SMALL = Preprocessing(size=64, resize=80)


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
