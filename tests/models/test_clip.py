"""CLIP and SigLIP agree with transformers' own forward, and come back from a folder."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import (
    AutoImageProcessor,
    AutoModel,
    AutoTokenizer,
    CLIPImageProcessor,
    SiglipImageProcessor,
)

import zoo
from tests.models.tiny_clip import tiny_clip
from zoo.data.preprocessing import Preprocessing
from zoo.errors import IntegrityError
from zoo.models.clip import PROCESSOR, Clip, is_clip, load_clip, save_clip

TEXTS = ["a photo of the cat", "red heart", "dog"]
FAMILIES = ("clip", "siglip")
each_family = pytest.mark.parametrize("family", FAMILIES)


@pytest.fixture(params=FAMILIES)
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return tiny_clip(tmp_path / request.param, request.param)


def image(seed: int = 0, size: tuple[int, int] = (50, 40)) -> Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 255, (*size, 3), dtype=np.uint8)
    return Image.fromarray(pixels).resize((80, 64), Image.Resampling.BICUBIC)


def test_similarities_equal_those_of_transformers(folder: Path) -> None:
    ours, theirs = load_clip(folder), AutoModel.from_pretrained(folder).eval()
    tokenizer: Any = AutoTokenizer.from_pretrained(folder)
    whole = ours.config.family == "siglip"
    padding = {"padding": "max_length", "max_length": 16} if whole else {"padding": True}
    tokens = tokenizer(TEXTS, return_tensors="pt", return_attention_mask=not whole, **padding)
    batch = torch.stack([ours.transform(image(seed)) for seed in range(2)])
    with torch.inference_mode():
        found = theirs(pixel_values=batch, **tokens)
    torch.testing.assert_close(ours.embed_texts(TEXTS), found.text_embeds)
    with torch.inference_mode():
        torch.testing.assert_close(ours(batch), found.image_embeds)


def test_texts_do_not_depend_on_their_company(folder: Path) -> None:
    model = load_clip(folder)
    together = model.embed_texts(TEXTS)
    torch.testing.assert_close(model.embed_texts(TEXTS, batch_size=1), together)
    assert model.embed_texts(["cat " * 100]).shape == (1, model.dim)
    assert model.embed_texts([]).shape == (0, model.dim)
    torch.testing.assert_close(together.norm(dim=1), torch.ones(3))


def test_what_is_saved_loads_again_here_and_in_transformers(folder: Path, tmp_path: Path) -> None:
    model = load_clip(folder)
    save_clip(model, tmp_path / "saved")
    again = zoo.load(str(tmp_path / "saved"))
    assert isinstance(again, Clip)
    assert again.config == model.config
    torch.testing.assert_close(again.embed_texts(TEXTS), model.embed_texts(TEXTS), rtol=0, atol=0)
    shown = [image()]
    torch.testing.assert_close(again.embed_images(shown), model.embed_images(shown))
    AutoModel.from_pretrained(tmp_path / "saved")


@each_family
def test_the_image_transform_is_that_of_transformers(family: str, tmp_path: Path) -> None:
    folder = tiny_clip(tmp_path, family)
    kind: Any = CLIPImageProcessor if family == "clip" else SiglipImageProcessor
    crop: dict[str, Any] = {"crop_size": {"height": 32, "width": 32}} if family == "clip" else {}
    size = {"shortest_edge": 36} if family == "clip" else {"height": 32, "width": 32}
    processor = kind(size=size, **crop)
    processor.save_pretrained(folder)
    ours = load_clip(folder).transform(image())
    theirs = torch.as_tensor(processor(image(), return_tensors="pt")["pixel_values"][0])
    # theirs resizes without rounding to 8 bits in between
    torch.testing.assert_close(ours, theirs, atol=0.02, rtol=0)


@each_family
def test_transformers_makes_of_what_is_saved_the_same_pixels(family: str, tmp_path: Path) -> None:
    model = load_clip(tiny_clip(tmp_path / "made", family))
    mode = "squash" if family == "siglip" else "center"
    shape = Preprocessing(32, 32, "bilinear", (0.1, 0.2, 0.3), (0.9, 0.8, 0.7), mode)
    model.config = replace(model.config, preprocessing=shape)
    save_clip(model, tmp_path / "saved")
    assert load_clip(tmp_path / "saved").config.preprocessing == shape
    theirs: Any = AutoImageProcessor.from_pretrained(tmp_path / "saved")
    assert type(theirs).__name__.lower().startswith(family)
    pixels = torch.as_tensor(theirs(image(), return_tensors="pt")["pixel_values"][0])
    torch.testing.assert_close(model.transform(image()), pixels, atol=0.02, rtol=0)


def test_without_an_image_transform_it_is_clips_own(tmp_path: Path) -> None:
    shape = load_clip(tiny_clip(tmp_path)).config.preprocessing
    assert (shape.size, shape.resize, shape.crop_mode) == (32, 32, "center")
    assert shape.interpolation == "bicubic"
    assert shape.mean == (0.48145466, 0.4578275, 0.40821073)  # openai/CLIP, clip/clip.py
    assert shape.std == (0.26862954, 0.26130258, 0.27577711)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"resample": 1}, "resample=1"),
        ({"size": {"height": 32, "width": 48}}, "not square"),
        ({"size": {"shortest_edge": 40}, "do_center_crop": False}, "not square"),
        ({"size": {"shortest_edge": 8}}, "size <= resize"),
        ({"size": {}}, "shortest_edge"),
        ({"size": None}, "NoneType"),
        ({"resample": []}, "unhashable"),
        ({"image_mean": 3}, "int"),
    ],
)
def test_another_image_transform_is_refused_rather_than_replaced(
    change: dict[str, Any], message: str, tmp_path: Path
) -> None:
    folder = tiny_clip(tmp_path)
    (folder / PROCESSOR).write_text(json.dumps(change))
    with pytest.raises(IntegrityError, match=message):
        load_clip(folder)


@pytest.mark.parametrize("key", ["projection_dim", "vision_config", "initializer_factor"])
def test_a_configuration_of_another_type_is_one_line(key: str, tmp_path: Path) -> None:
    path = tiny_clip(tmp_path) / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), key: [[1]]}))
    with pytest.raises(IntegrityError, match="not a CLIP model") as error:
        load_clip(tmp_path)
    assert "\n" not in str(error.value)


def test_a_folder_without_weights_is_one_line(tmp_path: Path) -> None:
    folder = tiny_clip(tmp_path)
    (folder / "model.safetensors").unlink()
    with pytest.raises(IntegrityError, match="not a CLIP model"):
        load_clip(folder)


def test_a_text_tower_alone_is_no_clip() -> None:
    assert not is_clip({"model_type": "bert"})
    assert not is_clip({"model_type": "clip"})
    assert not is_clip({"model_type": "bert", "vision_config": {}})
    assert is_clip({"model_type": "clip", "vision_config": {}})
