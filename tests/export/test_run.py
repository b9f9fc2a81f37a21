"""What an export writes down, what it checks and with what, for a format that keeps the network."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.export.test_detector import detector
from zoo.data.dataset import read_dataset
from zoo.data.preprocessing import Preprocessing
from zoo.detection.plain import WholeDetector
from zoo.errors import IntegrityError, UsageError
from zoo.export import run
from zoo.export.detector import RawDetector
from zoo.export.formats import FORMATS, Format, HalfInside
from zoo.export.run import ExportOptions, export
from zoo.files import sha256_of
from zoo.models import Embedder, EmbedderConfig


class Kept:
    """A format of two files whose program is the network itself, off by so much."""

    def __init__(self) -> None:
        self.networks: list[nn.Module] = []
        self.example = torch.empty(0)
        self.asked: list[Tensor] = []
        self.off = 0.0

    def write(self, network: nn.Module, example: Tensor, path: Path) -> None:
        self.networks.append(network)
        self.example = example
        path.write_bytes(b"program")
        path.with_name("beside.bin").write_bytes(b"weights!")

    def runner(self, path: Path) -> Callable[[Tensor], Any]:
        network = self.networks[-1]

        def compute(images: Tensor) -> Any:
            self.asked.append(images)
            with torch.inference_mode():
                found = network.eval()(images)
                return found + self.off if isinstance(found, Tensor) else found

        return compute


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> Kept:
    """In place of every format."""
    made = Kept()
    for name in FORMATS:
        here = Format("model.kept", made.write, made.runner, ("beside.bin",))
        monkeypatch.setitem(FORMATS, name, here)
    return made


@pytest.fixture
def model() -> Embedder:
    torch.manual_seed(0)
    preprocessing = Preprocessing(size=32, resize=32)
    return Embedder(EmbedderConfig("test_vit", dim=8, preprocessing=preprocessing)).eval()


def test_the_facts_are_those_of_the_files(kept: Kept, model: Embedder, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = export(model, out, ExportOptions(format="openvino"))
    facts = {
        "file": str(out / "model.kept"),
        "format": "openvino",
        "precision": "float32",
        "size": 15,
        "sha256": sha256_of(out / "model.kept"),
        "largest_difference": 0.0,
        "recall_at_1": {},
        "beside": {"beside.bin": sha256_of(out / "beside.bin")},
    }
    assert done.as_json() == facts
    written = json.loads((out / "export.json").read_text())
    assert written == {**facts, "file": "model.kept"}
    assert json.loads((out / "config.json").read_text()) == json.loads(
        json.dumps(model.config.to_json())
    )
    assert ExportOptions() == ExportOptions("onnx", "float32", None)


def test_a_file_is_asked_for_batches_that_it_was_not_made_with(
    kept: Kept, model: Embedder, tmp_path: Path
) -> None:
    export(model, tmp_path / "out")
    assert kept.example.shape == (2, 3, 32, 32)
    assert [images.shape for images in kept.asked] == [(1, 3, 32, 32), (3, 3, 32, 32)]
    assert all(images.std() > 0.5 for images in kept.asked)
    first = list(kept.asked)
    export(model, tmp_path / "again")
    assert all(a.equal(b) for a, b in zip(first, kept.asked[2:], strict=True))


@pytest.mark.parametrize(
    ("precision", "near", "far"), [("float32", 5e-5, 2e-4), ("half", 0.01, 0.04), ("int8", 0.9, 2)]
)
def test_a_precision_has_its_tolerance(
    kept: Kept,
    model: Embedder,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    precision: str,
    near: float,
    far: float,
) -> None:
    shrunk: list[str] = []
    monkeypatch.setattr(run, "_quantise", lambda path: shrunk.append(path.name))
    options, kept.off = ExportOptions(precision=precision), near
    assert export(model, tmp_path / "out", options).largest_difference > near / 2
    assert shrunk == ["model.kept"] * (precision == "int8")
    kept.off = far
    with pytest.raises(IntegrityError, match=r"model\.kept: differs from the model by"):
        export(model, tmp_path / "far", options)
    assert not (tmp_path / "far").exists()


def test_half_is_inside_of_the_file_alone(kept: Kept, model: Embedder, tmp_path: Path) -> None:
    export(model, tmp_path / "out", ExportOptions(precision="half"))
    (network,) = kept.networks
    assert isinstance(network, HalfInside)
    assert {p.dtype for p in network.parameters()} == {torch.float16}
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    assert network(torch.rand(1, 3, 32, 32)).dtype == torch.float32
    export(model, tmp_path / "whole")
    assert kept.networks[-1] is model


def test_recall_is_of_the_model_and_of_the_file(
    kept: Kept, model: Embedder, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        Kept, "runner", lambda self, path: lambda images: torch.ones(len(images), 8)
    )
    monkeypatch.setitem(run.TOLERANCE, "float32", 9.0)
    here = Format("model.kept", kept.write, kept.runner, ("beside.bin",))
    monkeypatch.setitem(FORMATS, "onnx", here)
    done = export(model, tmp_path / "out", ExportOptions(dataset=read_dataset(photos)))
    assert done.recall_at_1["model"] > done.recall_at_1["exported"] == 0
    assert done.largest_difference > 0.5


def test_a_detectors_file_says_its_size_and_a_whole_one_has_none(
    kept: Kept, tmp_path: Path
) -> None:
    model = detector("retinanet", scale=(96, 40))
    export(model, tmp_path / "raw")
    config = json.loads((tmp_path / "raw/config.json").read_text())
    assert config.keys() == {"detector", "labels", "height", "width"}
    assert config["detector"]["network"]["detector"] == "retinanet"
    assert (config["labels"], config["height"], config["width"]) == (["cat", "dog"], 64, 96)
    export(model, tmp_path / "whole", ExportOptions(format="mmdetection"))
    whole = json.loads((tmp_path / "whole/config.json").read_text())
    assert whole == {key: config[key] for key in ("detector", "labels")}
    assert [type(network) for network in kept.networks] == [RawDetector, WholeDetector]


@pytest.mark.parametrize("format_name", ["onnx", "openvino", "torch-export", "mmdetection"])
def test_a_detector_has_no_recall(format_name: str, photos: Path, tmp_path: Path) -> None:
    asked = ExportOptions(format=format_name, dataset=read_dataset(photos))
    with pytest.raises(UsageError, match="Recall@1 is an embedder's"):
        export(detector("atss"), tmp_path / "out", asked)


@pytest.mark.parametrize(
    ("format_name", "precisions"),
    [
        ("safetensors", ("float32", "half")),
        ("onnx", ("float32", "half", "int8")),
        ("openvino", ("float32",)),
        ("torch-export", ("float32", "half")),
    ],
)
def test_every_format_takes_its_precisions(
    kept: Kept,
    model: Embedder,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    format_name: str,
    precisions: tuple[str, ...],
) -> None:
    monkeypatch.setattr(run, "_quantise", lambda path: None)
    for precision in ("float32", "half", "int8"):
        options = ExportOptions(format=format_name, precision=precision)
        if precision in precisions:
            assert export(model, tmp_path / precision, options).precision == precision
        else:
            with pytest.raises(UsageError, match="no precision") as refused:
                export(model, tmp_path / precision, options)
            assert refused.value.hint == f"known: {', '.join(precisions)}"


def test_formats_are_the_files_that_their_programs_look_for() -> None:
    files = {name: (each.file, *each.beside) for name, each in FORMATS.items()}
    assert files == {
        "safetensors": ("model.safetensors",),
        "onnx": ("model.onnx",),
        "openvino": ("model.xml", "model.bin"),
        "torch-export": ("model.pt2",),
        "mmdetection": ("detector.pth",),
    }


def test_int8_keeps_a_byte_a_weight_and_nearly_what_is_computed(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    helper, kind, path = onnx.helper, onnx.TensorProto.FLOAT, tmp_path / "model.onnx"
    weights = torch.randn(128, 64)
    held = helper.make_tensor("weights", kind, weights.shape, weights.flatten().tolist())
    images, found = (
        helper.make_tensor_value_info(name, kind, ["batch", width])
        for name, width in (("images", 128), ("embeddings", 64))
    )
    product = helper.make_node("MatMul", ["images", "weights"], ["embeddings"])
    graph = helper.make_graph([product], "product", [images], [found], [held])
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path
    )
    whole = path.stat().st_size
    run._quantise(path)
    assert path.stat().st_size < whole / 2
    batch = torch.randn(3, 128)
    exact = batch @ weights
    error = (FORMATS["onnx"].runner(path)(batch) - exact).abs().max() / exact.abs().max()
    assert 0 < error < 0.1
