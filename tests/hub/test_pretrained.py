from pathlib import Path
from typing import Any

import pytest
import torch
from huggingface_hub import ModelCard
from safetensors.torch import load_file

import zoo
from zoo.data.preprocessing import Preprocessing
from zoo.errors import UsageError
from zoo.hub.pretrained import push_to_hub, save_pretrained
from zoo.models import Embedder, EmbedderConfig

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
    for name, tensor in model.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], tensor), name
    torch.testing.assert_close(features(loaded), features(model), atol=1e-6, rtol=0)


def test_what_is_saved_is_read_by_load_and_holds_the_models_own_tensor_names(
    model: Embedder, tmp_path: Path
) -> None:
    folder = save_pretrained(model, tmp_path / "saved")
    close(zoo.load(str(folder)), model)
    assert load_file(folder / "model.safetensors").keys() == model.state_dict().keys()
    with pytest.raises(UsageError, match="already exists"):
        save_pretrained(model, folder)


def test_what_is_pushed_from_memory_loads_from_the_hub(hub: Any, model: Embedder) -> None:
    pushed = push_to_hub(model, "me/tiny", license="mit")
    close(zoo.load(f"me/tiny@{pushed.commit}"), model)
    card: Any = ModelCard(hub.repos["me/tiny"].commits[pushed.commit]["README.md"].decode()).data
    assert card.license == "mit"


def test_another_kind_of_module_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Linear is neither"):
        save_pretrained(torch.nn.Linear(2, 2), tmp_path / "saved")
    assert not (tmp_path / "saved").exists()
