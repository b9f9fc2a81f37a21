"""Embedders give unit vectors for every pooling, and come back from disk unchanged."""

import json
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from zoo.data.preprocessing import Preprocessing
from zoo.errors import IntegrityError, UnavailableError, UsageError
from zoo.models import EmbedderConfig, build_embedder, load_embedder, save_embedder
from zoo.models.backbone import load_backbone, without_distillation

SMALL = Preprocessing(size=32, resize=32)
CNN = EmbedderConfig("test_resnet", preprocessing=SMALL)
VIT = EmbedderConfig("test_vit", preprocessing=SMALL)


@pytest.mark.parametrize(
    "config",
    [
        CNN,
        VIT,
        EmbedderConfig("test_resnet", pooling="avg", dim=7),
        EmbedderConfig("test_resnet", pooling="max", layer_norm="plain", dim=7),
        EmbedderConfig("test_resnet", pooling="gem", layer_norm="affine", dim=7),
        EmbedderConfig("test_resnet", pooling="gem", layer_norm="l2", dim=7),
        EmbedderConfig("test_vit", pooling="token", dim=7),
        EmbedderConfig("test_vit", pooling="gem"),
    ],
    ids=str,
)
def test_the_output_has_unit_length_and_the_promised_width(config: EmbedderConfig) -> None:
    model = build_embedder(config).eval()
    vectors = model(torch.rand(2, 3, 32, 32))
    assert vectors.shape == (2, model.dim)
    torch.testing.assert_close(vectors.norm(dim=1), torch.ones(2))


def test_native_pooling_is_what_timm_feeds_its_classifier() -> None:
    model = build_embedder(CNN).eval()
    images = torch.rand(2, 3, 32, 32)
    pooled = model.backbone.forward_head(model.backbone.forward_features(images), pre_logits=True)
    torch.testing.assert_close(model(images), torch.nn.functional.normalize(pooled, dim=1))


def test_l2_gives_the_projection_vectors_of_unit_length() -> None:
    model = build_embedder(EmbedderConfig("test_resnet", pooling="gem", layer_norm="l2", dim=7))
    seen: list[torch.Tensor] = []
    model.head[1].register_forward_hook(lambda _, inputs, __: seen.append(inputs[0]))
    model.eval()(torch.rand(2, 3, 32, 32))
    torch.testing.assert_close(seen[0].norm(dim=1), torch.ones(2))


def test_a_distilled_transformer_without_its_second_token_is_the_plain_network(
    tmp_path: Path,
) -> None:
    options = {"img_size": 32, "patch_size": 16, "embed_dim": 32, "depth": 2, "num_heads": 2}
    distilled = timm.create_model("deit_tiny_distilled_patch16_224", num_classes=3, **options)
    plain = timm.create_model("deit_tiny_patch16_224", num_classes=0, **options).eval()
    state = without_distillation(distilled.state_dict())
    load_backbone(plain, state)

    # An oracle that keeps the token but lets nothing attend to it: the rest is then as if it
    # were not there.
    def blind(module: Any, inputs: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
        return (torch.cat([inputs[0][:, :1], inputs[0][:, 2:]], dim=1),)

    distilled.eval().blocks[0].register_forward_pre_hook(blind)
    images = torch.rand(2, 3, 32, 32)
    torch.testing.assert_close(plain.forward_features(images), distilled.forward_features(images))


def test_only_a_distilled_transformer_can_be_undistilled() -> None:
    with pytest.raises(IntegrityError, match="no distillation token"):
        without_distillation(timm.create_model("test_vit").state_dict())


def test_a_transformer_takes_another_input_size() -> None:
    model = build_embedder(VIT.at_size(64)).eval()
    assert model(torch.rand(1, 3, 64, 64)).shape == (1, model.dim)


def test_images_are_embedded_in_order_and_in_batches() -> None:
    model = build_embedder(CNN).eval()
    images = [Image.new("RGB", (40, 32), (i * 40, 10, 200 - i * 30)) for i in range(5)]
    one_by_one = torch.cat([model.embed_images([image]) for image in images])
    torch.testing.assert_close(model.embed_images(images, batch_size=2), one_by_one)
    assert model.embed_images([]).shape == (0, model.dim)


def test_saving_and_loading_gives_the_same_embeddings(tmp_path: Path) -> None:
    model = build_embedder(EmbedderConfig("test_resnet", pooling="gem", dim=5)).eval()
    save_embedder(model, tmp_path)
    images = torch.rand(2, 3, 32, 32)
    again = load_embedder(tmp_path)
    assert again.config == model.config
    assert torch.equal(again(images), model(images))


def timm_folder(folder: Path, architecture: str) -> Any:
    """What a timm repository on the Hub holds."""
    network: Any = timm.create_model(architecture, num_classes=11)
    config = {"input_size": [3, 32, 32], "crop_pct": 0.875, "mean": [0.5] * 3, "std": [0.5] * 3}
    value = {"architecture": architecture, "num_features": 8, "pretrained_cfg": config}
    (folder / "config.json").write_text(json.dumps(value))
    save_file(network.state_dict(), folder / "model.safetensors")
    return network.eval()


@pytest.mark.parametrize("architecture", ["test_resnet", "test_vit", "test_efficientnet"])
def test_a_timm_repository_loads_without_its_classifier(tmp_path: Path, architecture: str) -> None:
    network = timm_folder(tmp_path, architecture)
    model = load_embedder(tmp_path)
    images = torch.rand(2, 3, *timm.get_pretrained_cfg(architecture).input_size[1:])
    features = network.forward_head(network.forward_features(images), pre_logits=True)
    torch.testing.assert_close(model(images), torch.nn.functional.normalize(features, dim=1))
    assert model.config.preprocessing.resize == 36  # floor(32 / .875)


def test_training_starts_from_the_backbone_of_a_timm_folder_or_a_run(tmp_path: Path) -> None:
    network = timm_folder(tmp_path, "test_resnet")
    fresh = build_embedder(EmbedderConfig("test_resnet", pooling="gem", dim=4), tmp_path)
    assert torch.equal(fresh.backbone.conv1[0].weight, network.conv1[0].weight)
    save_embedder(fresh, tmp_path / "run")
    again = build_embedder(EmbedderConfig("test_resnet", dim=3), tmp_path / "run")
    assert torch.equal(again.backbone.conv1[0].weight, network.conv1[0].weight)


@pytest.mark.parametrize("depth", [2, 4])
def test_a_cut_network_pools_the_features_of_its_last_level(tmp_path: Path, depth: int) -> None:
    whole = timm_folder(tmp_path, "test_resnet").eval()
    config = EmbedderConfig("test_resnet", pooling="avg", depth=depth)
    cut = build_embedder(config, tmp_path).eval()
    images = torch.rand(2, 3, 32, 32)
    maps = whole.forward_intermediates(images, intermediates_only=True)[depth - 1]
    expected = torch.nn.functional.normalize(maps.mean(dim=(2, 3)), dim=1)
    torch.testing.assert_close(cut(images), expected)
    assert cut.dim == maps.shape[1]
    save_embedder(cut, tmp_path / "cut")
    assert torch.equal(load_embedder(tmp_path / "cut")(images), cut(images))


def test_a_depth_that_cannot_be_is_refused() -> None:
    with pytest.raises(UsageError, match="depth=9: the backbone has 5 feature levels"):
        build_embedder(EmbedderConfig("test_resnet", pooling="avg", depth=9))
    with pytest.raises(UsageError, match="cuts off what pooling=native needs"):
        EmbedderConfig("test_resnet", depth=2)


def test_a_missing_tensor_is_named(tmp_path: Path) -> None:
    save_embedder(build_embedder(CNN), tmp_path)
    state = load_file(tmp_path / "model.safetensors")
    del state["conv1.0.weight"]
    save_file(state, tmp_path / "model.safetensors")
    with pytest.raises(IntegrityError, match=r"model\.safetensors: its content is not what was"):
        load_embedder(tmp_path)
    (tmp_path / "rankzoo.json").unlink()
    with pytest.raises(
        IntegrityError, match=r"1 missing tensors, first backbone\.conv1\.0\.weight"
    ):
        load_embedder(tmp_path)


def test_damaged_files_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match=r"config\.json does not exist"):
        load_embedder(tmp_path)
    save_embedder(build_embedder(CNN), tmp_path)
    (tmp_path / "rankzoo.json").unlink()
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(IntegrityError, match=r"model\.safetensors: damaged"):
        load_embedder(tmp_path)
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(IntegrityError, match="not JSON"):
        load_embedder(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(IntegrityError, match="does not describe an image embedder"):
        load_embedder(tmp_path)


def test_an_unknown_architecture_suggests_near_ones() -> None:
    with pytest.raises(UsageError, match="'resnet5O' is not one of timm's") as caught:
        build_embedder(EmbedderConfig("resnet5O"))
    assert "resnet50" in caught.value.hint


def test_unknown_options_are_refused() -> None:
    with pytest.raises(UsageError, match="pooling='mean' is unknown"):
        EmbedderConfig("test_resnet", pooling="mean")
    with pytest.raises(UsageError, match="layer_norm='yes' is unknown"):
        EmbedderConfig("test_resnet", layer_norm="yes")
    with pytest.raises(UsageError, match="dim=0"):
        EmbedderConfig("test_resnet", dim=0)
