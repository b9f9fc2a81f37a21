"""OpenVINO's files compute what the model does."""

import json
import sys
from pathlib import Path

import pytest
import torch

from zoo.data.preprocessing import Preprocessing
from zoo.errors import UsageError
from zoo.export.formats import FORMATS
from zoo.export.run import ExportOptions, export
from zoo.files import sha256_of
from zoo.models import Embedder, EmbedderConfig


def embedder(architecture: str) -> Embedder:
    torch.manual_seed(0)
    preprocessing = Preprocessing(size=32, resize=32)
    config = EmbedderConfig(architecture, "avg", "affine", dim=8, preprocessing=preprocessing)
    return Embedder(config).eval()


@pytest.mark.slow
def test_the_numbers_are_the_models_at_any_batch_size(tmp_path: Path) -> None:
    pytest.importorskip("openvino")
    model, out = embedder("test_vit"), tmp_path / "out"
    done = export(model, out, ExportOptions(format="openvino"))
    images = torch.rand(5, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        found = FORMATS["openvino"].runner(done.file)(images)
        torch.testing.assert_close(found, model(images), atol=1e-5, rtol=0)
    assert done.largest_difference < 1e-5
    told = json.loads((out / "export.json").read_text())
    assert told["beside"] == {"model.bin": sha256_of(out / "model.bin")}
    assert told["size"] == sum((out / name).stat().st_size for name in ("model.xml", "model.bin"))
    names = {path.name for path in out.iterdir()}
    assert names == {"model.xml", "model.bin", "config.json", "export.json"}


def test_without_it_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(UsageError, match="needs openvino") as caught:
        export(embedder("test_resnet"), tmp_path / "out", ExportOptions(format="openvino"))
    assert "rankzoo[openvino]" in str(caught.value.hint)
    assert not (tmp_path / "out").exists()


def test_half_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no precision 'half' for openvino"):
        export(
            embedder("test_resnet"),
            tmp_path / "out",
            ExportOptions(format="openvino", precision="half"),
        )
