"""A repository of open_clip becomes a model whose vectors are those of open_clip itself."""

from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
import torch
from safetensors.torch import save

import zoo
from tests.hub.clip_files import SHAPE, TEXTS, files
from zoo.errors import IntegrityError, UsageError
from zoo.tasks import task_of_model

open_clip = pytest.importorskip("open_clip")


def photo() -> PIL.Image.Image:
    """Neither square nor of the network's size."""
    pixels = np.random.default_rng(0).integers(0, 256, (40, 56, 3), dtype=np.uint8)
    return PIL.Image.fromarray(pixels)


@pytest.mark.parametrize("mode", ["shortest", "squash"])
def test_images_and_texts_are_embedded_as_open_clip_does(
    mode: str, hub: Any, network: Any, tmp_path: Path
) -> None:
    repository = files(network, resize_mode=mode)
    hub.add("me/tiny", repository)
    model = zoo.load("hf-hub:me/tiny")
    for name, body in repository.items():
        (tmp_path / name).write_bytes(body)
    theirs, transform = open_clip.create_model_from_pretrained(f"local-dir:{tmp_path}")
    tokenise = open_clip.get_tokenizer(f"local-dir:{tmp_path}")
    with torch.inference_mode():
        image = theirs.encode_image(transform(photo())[None], normalize=True)
        text = theirs.encode_text(tokenise(TEXTS), normalize=True)
    torch.testing.assert_close(model.embed_images(photo()), image, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(model.embed_texts(TEXTS), text, atol=1e-5, rtol=1e-5)
    assert model.dim == 24


def test_it_is_a_task_of_its_own_and_offline_after_the_first_time(hub: Any, network: Any) -> None:
    hub.add("me/tiny", files(network))
    assert task_of_model("me/tiny").name == "open_clip"
    hub.requests.clear()
    assert zoo.load("me/tiny", offline=True).dim == 24
    assert hub.requests == []


def test_pickled_tensors_are_read_and_anything_else_is_not(
    hub: Any, network: Any, tmp_path: Path
) -> None:
    whole = files(network)
    weights = whole.pop("open_clip_model.safetensors")
    torch.save(network.state_dict(), tmp_path / "w.bin")
    hub.add(
        "me/pickled", {**whole, "open_clip_pytorch_model.bin": (tmp_path / "w.bin").read_bytes()}
    )
    hub.add("me/tiny", {**whole, "open_clip_model.safetensors": weights})
    ours, other = (zoo.load(name).embed_texts(TEXTS) for name in ("me/pickled", "me/tiny"))
    assert torch.equal(ours, other)


def test_a_model_of_transformers_beside_it_is_preferred(hub: Any, network: Any) -> None:
    from zoo.hub.download import plan_download
    from zoo.hub.resolve import look_up

    hub.add("me/both", {**files(network), "config.json": b"{}", "model.safetensors": save({})})
    source: Any = look_up("me/both")[1]
    wanted = {file.name for file in plan_download(source)[1]}
    assert "model.safetensors" in wanted
    assert "open_clip_model.safetensors" not in wanted


def test_what_does_not_fit_is_told(hub: Any, network: Any) -> None:
    foreign = {**SHAPE, "text_cfg": {"hf_model_name": "someone/bert"}}
    hub.add("me/foreign", files(network, foreign))
    with pytest.raises(UsageError, match="built from someone/bert"):
        zoo.load("me/foreign")
    hub.add("me/odd", files(network, resize_mode="longest"))
    with pytest.raises(IntegrityError, match="longest"):
        zoo.load("me/odd")
    hub.add("me/other", files(network, {**SHAPE, "embed_dim": 16}))
    with pytest.raises(IntegrityError, match="do not fit"):
        zoo.load("me/other")
