"""Channels last changes how a CPU computes, not what, and not the model that comes back."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import nn

from zoo.data.preprocessing import Preprocessing
from zoo.embedding.embed import embed_batches
from zoo.embedding.identity import weights_sha256
from zoo.embedding.options import EmbedOptions
from zoo.models import Embedder, EmbedderConfig
from zoo.models.layout import channels_last, lay_channels_last
from zoo.models.scorer import Scorer, ScorerConfig
from zoo.serve.encoder import Encoder

# A plain, a depthwise and an attention network, and one that keeps its channels last itself.
NETWORKS = ("test_resnet", "test_efficientnet", "test_vit", "test_convnext")


def first_kernel(model: nn.Module) -> torch.Tensor:
    return next(p for p in model.parameters() if p.ndim == 4 and p.shape[1] == 3)


def lies_last(tensor: torch.Tensor) -> bool:
    return tensor.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("architecture", NETWORKS)
def test_embeddings_are_the_same_up_to_rounding(architecture: str) -> None:
    model, images = Embedder(EmbedderConfig(architecture)).eval(), torch.randn(2, 3, 160, 160)
    with torch.inference_mode():
        expected = model(images)
        with channels_last(model):
            assert lies_last(first_kernel(model))
            found = model(images)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_a_model_comes_back_as_it_was_and_can_be_written(tmp_path: Path) -> None:
    model = Embedder(EmbedderConfig("test_resnet"))
    identity = weights_sha256(model)
    with channels_last(model):
        assert weights_sha256(model) == identity
    with pytest.raises(KeyboardInterrupt), channels_last(model):
        raise KeyboardInterrupt
    assert all(p.is_contiguous() for p in model.parameters())
    assert weights_sha256(model) == identity
    save_file(model.state_dict(), tmp_path / "model.safetensors")


def test_a_model_that_embedded_can_be_trained_on() -> None:
    model = Embedder(EmbedderConfig("test_resnet"))
    with torch.inference_mode(), channels_last(model):
        model(torch.zeros(1, 3, 64, 64))
    model.requires_grad_(False).requires_grad_(True)
    model(torch.rand(1, 3, 64, 64)).sum().backward()
    assert first_kernel(model).grad is not None


def with_embedder(paths: list[Path], watch: Callable[[nn.Module], None]) -> None:
    model = Embedder(EmbedderConfig("test_resnet").at_size(64))
    watch(model.backbone)
    list(embed_batches(model, paths, EmbedOptions(batch_size=2)))
    assert not lies_last(first_kernel(model))
    lay_channels_last(model)  # a layout that was chosen stays
    list(embed_batches(model, paths, EmbedOptions(batch_size=2)))
    assert lies_last(first_kernel(model))


def with_scorer(paths: list[Path], watch: Callable[[nn.Module], None]) -> None:
    shape = Preprocessing(size=64, resize=64)
    model = Scorer(ScorerConfig("test_resnet", shape, ("score",))).eval()
    watch(model.backbone)
    model.file_features(tuple(paths), batch_size=1)
    assert not lies_last(first_kernel(model))


def with_server(paths: list[Path], watch: Callable[[nn.Module], None]) -> None:
    model = Embedder(EmbedderConfig("test_resnet").at_size(64))
    watch(model.backbone)
    encoder = Encoder(model, "model")
    for path in paths:
        encoder.embed_pictures([encoder.prepare(Image.open(path))])


@pytest.mark.parametrize("embed", [with_embedder, with_scorer, with_server])
def test_what_embeds_many_images_computes_channels_last(
    embed: Callable[..., None], photos: Path
) -> None:
    seen: list[bool] = []

    def watch(backbone: nn.Module) -> None:
        last = backbone.get_submodule("layer4")  # activations follow the weights this far
        last.register_forward_hook(lambda _, __, found: seen.append(lies_last(found)))

    embed(sorted(photos.rglob("*.png"))[:4], watch)
    assert len(seen) == 4
    assert all(seen)


def test_another_device_keeps_its_layout() -> None:
    model = Embedder(EmbedderConfig("test_resnet")).to("meta")
    assert lay_channels_last(model) == []
