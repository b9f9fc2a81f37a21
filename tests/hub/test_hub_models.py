"""Models that come from the Hub all the way into `zoo.load`."""

import json
import os
import pickle
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from safetensors.torch import save

import zoo
from zoo.cards import shelf as cards
from zoo.errors import IntegrityError
from zoo.hub.availability import pin_facts, pinned
from zoo.hub.resolve import resolve
from zoo.hub.timm_folder import write_timm_config

TRANSFORM = {
    "input_size": [3, 32, 32],
    "interpolation": "bilinear",
    "crop_pct": 1.0,
    "mean": [0.5, 0.5, 0.5],
    "std": [0.5, 0.5, 0.5],
}


@pytest.fixture(scope="module")
def network() -> torch.nn.Module:
    torch.manual_seed(0)
    model: torch.nn.Module = timm.create_model("resnet10t", num_classes=3)
    return model.eval()


@pytest.fixture
def config(network: torch.nn.Module, tmp_path: Path) -> bytes:
    write_timm_config(network, TRANSFORM, tmp_path)
    return (tmp_path / "config.json").read_bytes()


def as_pickle(state: Any, tmp_path: Path) -> bytes:
    torch.save(state, tmp_path / "w.bin")
    return (tmp_path / "w.bin").read_bytes()


def features(model: torch.nn.Module) -> torch.Tensor:
    with torch.inference_mode():
        out: torch.Tensor = model(torch.linspace(-1, 1, 3 * 32 * 32).view(1, 3, 32, 32))
    return out


def test_a_timm_repository_loads_with_its_own_transform(
    hub: Any, network: torch.nn.Module, config: bytes
) -> None:
    hub.add("me/tiny", {"config.json": config, "model.safetensors": save(network.state_dict())})
    model = zoo.load("me/tiny")
    assert model.transform is not None
    pooled = network.forward_head(  # type: ignore[operator]
        network.forward_features(torch.linspace(-1, 1, 3072).view(1, 3, 32, 32)),  # type: ignore[operator]
        pre_logits=True,
    )
    torch.testing.assert_close(features(model), torch.nn.functional.normalize(pooled, dim=1))


def test_a_repository_with_a_pickle_gives_the_same_model_as_safetensors(
    hub: Any, network: torch.nn.Module, config: bytes, tmp_path: Path
) -> None:
    state = network.state_dict()
    hub.add("me/safe", {"config.json": config, "model.safetensors": save(state)})
    pickled = as_pickle(state, tmp_path)
    hub.add("me/pickled", {"config.json": config, "pytorch_model.bin": pickled})
    found = resolve("me/pickled")
    assert {f.name for f in found.files} == {"config.json", "model.safetensors"}
    assert torch.equal(features(zoo.load("me/pickled")), features(zoo.load("me/safe")))


class Malicious:
    def __init__(self, witness: Path) -> None:
        self.witness = witness

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return os.mkdir, (str(self.witness),)


def test_a_malicious_pickle_on_the_hub_runs_nothing_and_installs_nothing(
    hub: Any, config: bytes, tmp_path: Path, caches: Path
) -> None:
    witness = tmp_path / "it_ran"
    body = pickle.dumps({"fc.weight": Malicious(witness)})
    hub.add("me/evil", {"config.json": config, "pytorch_model.bin": body})
    with pytest.raises(IntegrityError, match="refused"):
        zoo.load("me/evil")
    assert not witness.exists()
    assert not list(caches.rglob("model.safetensors"))


def test_safetensors_that_do_not_fit_their_config_are_refused(
    hub: Any, network: torch.nn.Module, config: bytes
) -> None:
    state = network.state_dict()
    state.pop("conv1.0.weight")
    hub.add("me/torn", {"config.json": config, "model.safetensors": save(state)})
    with pytest.raises(IntegrityError, match=r"missing.*conv1\.0\.weight"):
        zoo.load("me/torn")


def shelf(monkeypatch: pytest.MonkeyPatch, folder: Path, **source: Any) -> None:
    block = json.dumps({"source": source, "architecture": "resnet14t", **source.pop("more", {})})
    front = f"license: mit\nlibrary_name: rankzoo\nrankzoo: {block}\n"
    (folder / "cards").mkdir()
    (folder / "cards" / "tiny.md").write_text(f"---\n{front}---\n# Tiny\n")
    monkeypatch.setattr(cards, "cards_dir", lambda: folder / "cards")
    cards.all_cards.cache_clear()


@pytest.fixture(autouse=True)
def _fresh_shelf() -> Any:
    yield
    cards.all_cards.cache_clear()


def test_the_architecture_of_a_card_wins_over_the_repositorys(
    hub: Any, network: torch.nn.Module, config: bytes, tmp_path: Path, monkeypatch: Any
) -> None:
    files = {"config.json": config, "model.safetensors": save(network.state_dict())}
    hub.add("me/tiny", files)
    shelf(monkeypatch, tmp_path, repo="me/tiny", revision="at-first-download")
    found = resolve("tiny")
    assert json.loads((found.path / "config.json").read_text())["architecture"] == "resnet14t"
    assert (found.path / "model.safetensors").read_bytes() == files["model.safetensors"]


def test_the_first_download_pins_a_commit_which_show_tells_and_later_loads_keep(
    hub: Any, network: torch.nn.Module, config: bytes, tmp_path: Path, monkeypatch: Any
) -> None:
    files = {"config.json": config, "model.safetensors": save(network.state_dict())}
    commit = hub.add("me/tiny", files)
    shelf(monkeypatch, tmp_path, repo="me/tiny", revision="at-first-download")
    card = cards.find_card("tiny")
    assert pinned(card) is None
    assert "first download" in dict(pin_facts(card))["pinned"]
    resolve("tiny")
    hub.add("me/tiny", {**files, "config.json": config + b"\n"})  # the branch moves on
    assert resolve("tiny").path.is_dir()
    told = dict(pin_facts(card))
    assert told["pinned here"] == f"commit {commit}"
    assert sha256(files["model.safetensors"]).hexdigest()[:16] in told["model.safetensors"]
    pin = pinned(card)
    assert pin is not None
    assert {f.name: f.sha256 for f in pin.files} == {
        name: sha256(body).hexdigest() for name, body in files.items()
    }


def test_a_card_with_a_wrong_hash_is_refused_at_its_pinned_revision(
    hub: Any, network: torch.nn.Module, config: bytes, tmp_path: Path, monkeypatch: Any
) -> None:
    files = {"config.json": config, "model.safetensors": save(network.state_dict())}
    commit = hub.add("me/tiny", files)
    wrong = [{"name": "config.json", "size": len(config), "sha256": "0" * 64}]
    shelf(monkeypatch, tmp_path, repo="me/tiny", revision=commit, more={"files": wrong})
    with pytest.raises(IntegrityError, match=r"config\.json: not what the card promises"):
        resolve("tiny")
