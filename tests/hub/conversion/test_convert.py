"""Checkpoints as their authors' code writes them, against networks of torchvision."""

import os
import sys
import zipfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import timm
import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, layer_norm, linear, normalize
from torchvision.models import resnet18, vgg11

from zoo.errors import IntegrityError, UnavailableError, UsageError
from zoo.hub.conversion.convert import Choices, convert, embedder_config
from zoo.models import load_embedder

IMAGES = torch.linspace(-1, 1, 2 * 3 * 64 * 64).view(2, 3, 64, 64).sin()


@pytest.fixture(scope="module")
def network() -> nn.Module:
    torch.manual_seed(0)
    model: nn.Module = resnet18()
    return model.eval()


def maps(network: nn.Module) -> Tensor:
    with torch.no_grad():
        found: Tensor = nn.Sequential(*list(network.children())[:-2])(IMAGES)
    return found


def gem(features: Tensor, p: float) -> Tensor:
    pooled = avg_pool2d(features.clamp(min=1e-6).pow(p), features.shape[-2:]).pow(1 / p)
    return pooled.flatten(1)


def embedded(folder: Path) -> Tensor:
    with torch.inference_mode():
        found: Tensor = load_embedder(folder)(IMAGES)
    return found


def save(folder: Path, value: Any) -> Path:
    torch.save(value, folder / "weights.pth")
    return folder / "weights.pth"


def suprank_state(network: nn.Module, p: Tensor, fc: dict[str, Tensor]) -> dict[str, Tensor]:
    backbone = nn.Sequential(*list(network.children())[:-2]).state_dict()
    state = {f"backbone.{name}": tensor for name, tensor in backbone.items()}
    state |= {"pooling.p": p, "head.0.p": p}
    for name, tensor in fc.items():
        state |= {f"fc.{name}": tensor, f"head.3.{name}": tensor}
    return state


@pytest.fixture
def fc() -> dict[str, Tensor]:
    return {"weight": torch.randn(8, 512) / 20, "bias": torch.randn(8)}


def test_suprank_with_gem_and_a_norm_without_weights(
    network: nn.Module, fc: dict[str, Tensor], tmp_path: Path
) -> None:
    state = suprank_state(network, torch.tensor([2.5]), fc)
    path = save(tmp_path, {"net_state": state, "epoch": 3})
    done = convert(path, tmp_path / "out", choices=Choices(layer_norm="plain"))
    pooled = layer_norm(gem(maps(network), 2.5), (512,))
    expected = normalize(linear(pooled, fc["weight"], fc["bias"]))
    torch.testing.assert_close(embedded(tmp_path / "out"), expected, atol=1e-5, rtol=1e-4)
    assert done.format == "suprank"
    assert done.dropped == {
        "head.0.p": "the same as pooling.p",
        "head.3.weight": "the same as fc.weight",
        "head.3.bias": "the same as fc.bias",
    }


def test_recall_at_k_with_its_doubled_stages(
    network: nn.Module, fc: dict[str, Tensor], tmp_path: Path
) -> None:
    state = {f"model.{n}": t for n, t in network.state_dict().items() if not n.startswith("fc.")}
    for stage in range(4):
        prefix = f"model.layer{stage + 1}."
        twins = [n for n in state if n.startswith(prefix)]
        state |= {f"layer_blocks.{stage}.{n.removeprefix(prefix)}": state[n] for n in twins}
    norm = {"weight": torch.rand(512), "bias": torch.rand(512)}
    state |= {f"model.layer_norm.{n}": t for n, t in norm.items()}
    state |= {f"model.last_linear.{n}": t for n, t in fc.items()} | {"gem.p": torch.tensor([3.0])}
    done = convert(save(tmp_path, {"state_dict": state}), tmp_path / "out")
    pooled = layer_norm(gem(maps(network), 3.0), (512,), norm["weight"], norm["bias"])
    expected = normalize(linear(pooled, fc["weight"], fc["bias"]))
    torch.testing.assert_close(embedded(tmp_path / "out"), expected, atol=1e-5, rtol=1e-4)
    assert (done.format, done.config.layer_norm, done.config.pooling) == (
        "recall_at_k",
        "affine",
        "gem",
    )


def test_recall_at_k_transformers_keep_their_class_token(tmp_path: Path) -> None:
    torch.manual_seed(0)
    vit = timm.create_model("vit_tiny_patch16_224", num_classes=8).eval()
    state = {f"model.{name}": tensor for name, tensor in vit.state_dict().items()}
    norm = {"weight": torch.rand(192), "bias": torch.rand(192)}
    state |= {f"model.layer_norm.{n}": t for n, t in norm.items()}
    done = convert(save(tmp_path, state), tmp_path / "out")
    assert done.config.architecture == "vit_tiny_patch16_224"
    assert done.config.pooling == "token"
    image = torch.ones(1, 3, 224, 224)
    with torch.inference_mode():
        token = layer_norm(vit.forward_features(image)[:, 0], (192,), norm["weight"], norm["bias"])
        expected = normalize(vit.head(token))
        found = load_embedder(tmp_path / "out")(image)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)


def test_ap_gem_behind_a_data_parallel_prefix(
    network: nn.Module, fc: dict[str, Tensor], tmp_path: Path
) -> None:
    kept = {n: t for n, t in network.state_dict().items() if not n.startswith("fc.")}
    state = {**kept, "adpool.p": torch.tensor([2.9]), **{f"fc.{n}": t for n, t in fc.items()}}
    prefixed = {f"module.{name}": tensor for name, tensor in state.items()}
    done = convert(save(tmp_path, {"state_dict": prefixed}), tmp_path / "out")
    expected = normalize(linear(gem(maps(network), 2.9), fc["weight"], fc["bias"]))
    torch.testing.assert_close(embedded(tmp_path / "out"), expected, atol=1e-5, rtol=1e-4)
    assert done.format == "ap_gem"


def test_torchvision_and_mmdet_backbones(network: nn.Module, tmp_path: Path) -> None:
    expected = normalize(maps(network).mean(dim=(2, 3)))
    done = convert(save(tmp_path, network.state_dict()), tmp_path / "torchvision")
    torch.testing.assert_close(embedded(done.folder), expected, atol=1e-5, rtol=1e-4)
    assert set(done.dropped) == {"fc.weight", "fc.bias"}
    backbone = {f"backbone.{n}": t for n, t in network.state_dict().items() if n[:3] != "fc."}
    state = {**backbone, "bbox_head.retina_cls.weight": torch.zeros(2)}
    detector = save(tmp_path, {"state_dict": state, "meta": {"CLASSES": ["a"]}})
    done = convert(detector, tmp_path / "mmdet")
    torch.testing.assert_close(embedded(done.folder), expected, atol=1e-5, rtol=1e-4)
    assert done.dropped == {"bbox_head.retina_cls.weight": "the detector's own part"}


@pytest.mark.slow
def test_a_vgg_embeds_as_torchvisions_own(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = vgg11().eval()
    done = convert(save(tmp_path, network.state_dict()), tmp_path / "out")
    assert done.config.architecture == "vgg11"
    image = torch.linspace(-1, 1, 3 * 224 * 224).view(1, 3, 224, 224)
    model = load_embedder(done.folder)
    with torch.inference_mode():
        pooled = network.avgpool(network.features(image)).flatten(1)
        expected = normalize(network.classifier[:-1](pooled))
        torch.testing.assert_close(model(image), expected, atol=1e-5, rtol=1e-4)


Change = Callable[[dict[str, Tensor]], None]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.update({"decoder.weight": torch.zeros(1)}), r"no rule.*decoder\.weight"),
        (lambda s: s.pop("backbone.0.weight"), "fit no rule|no known format|missing"),
        (lambda s: s.pop("backbone.5.0.conv1.weight"), r"missing.*layer2\.0\.conv1"),
        (lambda s: s.update({"head.3.bias": s["fc.bias"] + 1}), "should be the same tensor"),
        (lambda s: s.update({"pooling.p": torch.zeros(2)}), "does not fit"),
    ],
)
def test_a_tensor_too_many_too_few_or_different_stops_the_conversion(
    network: nn.Module, fc: dict[str, Tensor], tmp_path: Path, change: Change, message: str
) -> None:
    state = suprank_state(network, torch.tensor([3.0]), fc)
    change(state)
    with pytest.raises((IntegrityError, UsageError), match=message):
        convert(save(tmp_path, state), tmp_path / "out", format_name="suprank")
    assert not (tmp_path / "out").exists()


def test_unknown_formats_and_missing_files_are_told(tmp_path: Path) -> None:
    path = save(tmp_path, {"a": torch.zeros(1)})
    with pytest.raises(UsageError, match="no known format"):
        convert(path, tmp_path / "out")
    with pytest.raises(UsageError, match="no format is called 'caffe'"):
        convert(path, tmp_path / "out", format_name="caffe")
    with pytest.raises(UnavailableError, match="does not exist"):
        convert(tmp_path / "nothing.pth", tmp_path / "out")
    with pytest.raises(UnavailableError, match="is a folder"):
        convert(tmp_path, tmp_path / "out")


@pytest.fixture
def omegaconf(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A class of a package that is not there when the checkpoint is read."""
    module = ModuleType("omegaconf_like")

    class DictConfig:
        def __init__(self, content: dict[str, Any]) -> None:
            self.content = content

    DictConfig.__module__, DictConfig.__qualname__ = "omegaconf_like", "DictConfig"
    module.DictConfig = DictConfig  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "omegaconf_like", module)
    return module


def test_a_pickled_configuration_becomes_a_placeholder_and_is_not_imported(
    network: nn.Module,
    fc: dict[str, Tensor],
    omegaconf: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    state = suprank_state(network, torch.tensor([3.0]), fc)
    config = omegaconf.DictConfig({"lr": 1e-4})
    path = save(tmp_path, {"net_state": state, "config": config})
    monkeypatch.delitem(sys.modules, "omegaconf_like")
    done = convert(path, tmp_path / "out")
    assert done.dropped["omegaconf_like.DictConfig"].startswith("not a tensor")
    assert "omegaconf_like" not in sys.modules


class Malicious:
    def __init__(self, act: Callable[[str], Any], witness: Path) -> None:
        self.act, self.witness = act, witness

    def __reduce__(self) -> tuple[Callable[[str], Any], tuple[str]]:
        return self.act, (str(self.witness),)


@pytest.mark.parametrize("act", [os.mkdir, os.system, Path("/").joinpath])
def test_a_malicious_object_beside_the_weights_runs_nothing(
    network: nn.Module, fc: dict[str, Tensor], tmp_path: Path, act: Callable[[str], Any]
) -> None:
    state = suprank_state(network, torch.tensor([3.0]), fc)
    evil = Malicious(act, tmp_path / "it_ran")
    path = save(tmp_path, {"net_state": state, "config": evil})
    with suppress(IntegrityError):  # a method is refused, a function becomes a placeholder
        done = convert(path, tmp_path / "out")
        assert any("placeholder" in reason for reason in done.dropped.values())
    assert not (tmp_path / "it_ran").exists()


def test_a_zip_with_names_that_leave_it_writes_nothing_outside(tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    with zipfile.ZipFile(inside / "slip.pth", "w") as archive:
        archive.writestr("../../evil.txt", "escaped")
        archive.writestr("archive/data.pkl", b"\x80\x02}.")
    with pytest.raises(IntegrityError):
        convert(inside / "slip.pth", inside / "out")
    assert [p.name for p in tmp_path.rglob("*")] == ["inside", "slip.pth"]


@pytest.mark.parametrize(
    ("choices", "flag"),
    [
        (Choices(pooling="max"), "--pooling max"),
        (Choices(layer_norm="plain"), "--layer-norm plain"),
    ],
)
def test_a_choice_that_the_tensors_contradict_is_refused(choices: Choices, flag: str) -> None:
    tensors = {"pooling.p": torch.ones(1), "head.0.weight": torch.ones(8)}
    with pytest.raises(UsageError, match=f"{flag}: the tensors are those of"):
        embedder_config(tensors, replace(choices, architecture="resnet18"))
    agreed = Choices("resnet18", pooling="gem", layer_norm="affine")
    assert embedder_config(tensors, agreed).pooling == "gem"
