"""onnxruntime and OpenVINO embed a network of timm as torch does, at several scales too."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from zoo.data.dataset import ImageDataset
from zoo.data.preprocessing import Preprocessing
from zoo.embedding.embed import embed_dataset
from zoo.embedding.identity import at_scales
from zoo.embedding.options import EmbedOptions
from zoo.models import Embedder, EmbedderConfig

Scene = Callable[..., ImageDataset]


@pytest.mark.slow  # exporting takes 10 s
def test_embeddings_are_torchs(
    squares: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RANKZOO_CACHE", str(tmp_path / "cache"))
    torch.manual_seed(0)
    size = Preprocessing(size=64, resize=64)
    network = Embedder(EmbedderConfig("test_resnet", "gem", dim=8, preprocessing=size)).eval()
    model, dataset = at_scales(network, (1.0, 0.5)), squares(4)
    expected = embed_dataset(model, dataset)
    for runtime in ("onnxruntime", "openvino"):
        pytest.importorskip(runtime)
        found = embed_dataset(model, dataset, EmbedOptions(5, runtime=runtime))
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)
    assert len(list((tmp_path / "cache" / "runtimes").iterdir())) == 1  # one file for both
