"""An embedder behaves like any model with `huggingface_hub`'s mixin."""

import inspect
from pathlib import Path
from typing import Any

import pytest
import torch
from huggingface_hub import ModelCard, PyTorchModelHubMixin
from safetensors.torch import load_file

import zoo
from zoo.data.preprocessing import Preprocessing
from zoo.errors import UnavailableError, UsageError
from zoo.models import Embedder, EmbedderConfig
from zoo.models.text_encoder import TextEncoder

# The client itself passes `data=` where its HTTP library now wants `content=`.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")


@pytest.fixture
def model() -> Embedder:
    torch.manual_seed(0)
    return Embedder(EmbedderConfig("resnet10t", dim=8, preprocessing=Preprocessing(32, 32))).eval()


def features(model: Any) -> torch.Tensor:
    with torch.inference_mode():
        out: torch.Tensor = model(torch.linspace(-1, 1, 3 * 32 * 32).view(1, 3, 32, 32))
    return out


def close(loaded: Any, model: Embedder) -> None:
    """The weights are the same bits; a loaded model may lay them out in another memory order."""
    assert loaded.config == model.config
    assert not loaded.training
    for name, tensor in model.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], tensor), name
    torch.testing.assert_close(features(loaded), features(model), atol=1e-6, rtol=0)


@pytest.mark.parametrize("kind", [Embedder, TextEncoder])
@pytest.mark.parametrize("method", ["save_pretrained", "from_pretrained", "push_to_hub"])
def test_the_methods_take_what_the_mixins_take(kind: type, method: str) -> None:
    assert issubclass(kind, PyTorchModelHubMixin)
    ours, theirs = (inspect.signature(getattr(k, method)) for k in (kind, PyTorchModelHubMixin))
    described = [
        [(p.name, p.kind, p.default) for p in s.parameters.values()] for s in (ours, theirs)
    ]
    assert described[0] == described[1]


def test_what_is_saved_is_read_by_load_and_holds_timms_tensor_names(
    model: Embedder, tmp_path: Path
) -> None:
    folder = tmp_path / "saved"
    assert model.save_pretrained(folder) is None
    close(zoo.load(str(folder)), model)
    close(Embedder.from_pretrained(folder, map_location="cpu", strict=True), model)
    names = {name.removeprefix("backbone.") for name in model.state_dict()}
    found = {name.removeprefix("rankzoo.") for name in load_file(folder / "model.safetensors")}
    assert found == names
    model.save_pretrained(folder)  # again: the mixin replaces what is there


def test_what_is_pushed_comes_back_from_the_hub_in_every_way(
    own_hub: Any, model: Embedder, tmp_path: Path
) -> None:
    address = model.push_to_hub("me/tiny", commit_message="first try")
    assert isinstance(address, str)
    assert own_hub.commit_messages == ["first try"]
    commit = own_hub.repos["me/tiny"].refs["main"]
    close(Embedder.from_pretrained("me/tiny"), model)
    cache = tmp_path / "cache"
    close(Embedder.from_pretrained("me/tiny", revision=commit, cache_dir=cache), model)
    asked = len(own_hub.requests)
    close(
        Embedder.from_pretrained(
            "me/tiny", revision=commit, cache_dir=cache, local_files_only=True
        ),
        model,
    )
    assert len(own_hub.requests) == asked
    close(zoo.load(f"me/tiny@{commit}"), model)
    card: Any = ModelCard(own_hub.repos["me/tiny"].commits[commit]["README.md"].decode()).data
    assert (card.library_name, card.pipeline_tag) == ("rankzoo", "image-feature-extraction")
    own: dict[str, Any] = {"private": True, "token": "hf_mine"}
    model.save_pretrained(tmp_path / "other", push_to_hub=True, repo_id="me/other", **own)
    assert own_hub.repos["me/other"].private
    close(Embedder.from_pretrained("me/other", token="hf_mine"), model)


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match=r"config\.json does not exist"):
        Embedder.from_pretrained(tmp_path)
    with pytest.raises(UsageError, match="takes no dim"):
        Embedder.from_pretrained(tmp_path, dim=3)
