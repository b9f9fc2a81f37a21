"""Preprocessing survives JSON and speaks timm's names."""

import pytest
import torch
from PIL import Image

from zoo.data.preprocessing import Preprocessing
from zoo.data.transforms import evaluation_transform


def test_json_and_timm_round_trips_keep_every_value() -> None:
    for mode in ("center", "squash"):
        value = Preprocessing(64, 73, "bilinear", (0.5, 0.4, 0.3), (0.1, 0.2, 0.3), mode)
        assert Preprocessing.from_json(value.to_json()) == value
        assert Preprocessing.from_timm(value.to_timm()) == value


def test_files_written_before_there_were_crop_modes_crop_the_centre() -> None:
    value = Preprocessing().to_json()
    del value["crop_mode"]
    assert Preprocessing.from_json(value).crop_mode == "center"


def test_a_crop_larger_than_the_image_is_refused() -> None:
    with pytest.raises(ValueError, match="size=64, resize=32"):
        Preprocessing(size=64, resize=32)
    with pytest.raises(ValueError, match="interpolation='nearest'"):
        Preprocessing(interpolation="nearest")
    with pytest.raises(ValueError, match="crop_mode='border'"):
        Preprocessing(crop_mode="border")


def test_the_transform_crops_the_centre_and_normalises() -> None:
    image = Image.new("RGB", (48, 32), (255, 0, 0))
    image.paste((0, 255, 0), (16, 0, 32, 32))  # the centre third is green
    transform = evaluation_transform(Preprocessing(16, 32, mean=(0.5,) * 3, std=(0.5,) * 3))
    tensor = transform(image)
    assert tensor.shape == (3, 16, 16)
    torch.testing.assert_close(tensor.mean(dim=(1, 2)), torch.tensor([-1.0, 1.0, -1.0]))


def test_squashing_loses_the_shape_and_keeps_what_a_crop_would_cut_off() -> None:
    image = Image.new("RGB", (96, 32), (255, 0, 0))
    image.paste((0, 255, 0), (32, 0, 64, 32))
    squashed = evaluation_transform(Preprocessing(36, 36, mean=(0.0,) * 3, crop_mode="squash"))
    expected = torch.tensor([2 / 3, 1 / 3, 0.0]) / torch.tensor(Preprocessing().std)
    torch.testing.assert_close(squashed(image).mean(dim=(1, 2)), expected, rtol=0.01, atol=1e-6)
    cropped = evaluation_transform(Preprocessing(12, 36, mean=(0.0,) * 3, crop_mode="squash"))
    assert float(cropped(image)[0].mean()) < 0.3  # the centre third: nearly all of it green
