"""Preprocessing survives JSON and speaks timm's names."""

import pytest
import torch
from PIL import Image

from zoo.data.preprocessing import Preprocessing
from zoo.data.transforms import evaluation_transform


def test_json_and_timm_round_trips_keep_every_value() -> None:
    value = Preprocessing(64, 73, "bilinear", (0.5, 0.4, 0.3), (0.1, 0.2, 0.3))
    assert Preprocessing.from_json(value.to_json()) == value
    assert Preprocessing.from_timm(value.to_timm()) == value


def test_a_crop_larger_than_the_image_is_refused() -> None:
    with pytest.raises(ValueError, match="size=64, resize=32"):
        Preprocessing(size=64, resize=32)
    with pytest.raises(ValueError, match="interpolation='nearest'"):
        Preprocessing(interpolation="nearest")


def test_the_transform_crops_the_centre_and_normalises() -> None:
    image = Image.new("RGB", (48, 32), (255, 0, 0))
    image.paste((0, 255, 0), (16, 0, 32, 32))  # the centre third is green
    transform = evaluation_transform(Preprocessing(16, 32, mean=(0.5,) * 3, std=(0.5,) * 3))
    tensor = transform(image)
    assert tensor.shape == (3, 16, 16)
    torch.testing.assert_close(tensor.mean(dim=(1, 2)), torch.tensor([-1.0, 1.0, -1.0]))
