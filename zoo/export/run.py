"""Export a model, prove that the file computes what the model does, say what precision costs."""

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from zoo.data.catalogue import Catalogue
from zoo.errors import IntegrityError, UsageError
from zoo.evaluation.retrieval import evaluate_retrieval
from zoo.export.formats import FORMATS, Exported, HalfInside, needed, quiet
from zoo.files import sha256_of, staged_folder, write_json
from zoo.models import Embedder
from zoo.progress import Track, silent

# Largest coordinate difference of unit vectors allowed; int8 has no bound worth stating and is
# judged by its Recall@1 instead.
TOLERANCE = {"float32": 1e-4, "half": 2e-2, "int8": 1.0}
BATCHES = (1, 3)  # the example has 2: neither is what the file was traced with


@dataclass(frozen=True)
class Export:
    """The file, its largest difference from the model, and Recall@1 of both when measured."""

    file: Path
    format: str
    precision: str
    size: int
    sha256: str
    largest_difference: float
    recall_at_1: dict[str, float]

    def as_json(self) -> dict[str, Any]:
        """Return what `rankzoo export --json` prints and export.json holds."""
        return {
            "file": str(self.file),
            "format": self.format,
            "precision": self.precision,
            "size": self.size,
            "sha256": self.sha256,
            "largest_difference": self.largest_difference,
            "recall_at_1": self.recall_at_1,
        }


def export(
    model: Embedder,
    out: Path,
    *,
    format_name: str = "onnx",
    precision: str = "float32",
    catalogue: Catalogue | None = None,
    track: Track = silent,
) -> Export:
    """Write `out` with the exported file, the model's config.json and export.json.

    With a catalogue, Recall@1 of the model and of the file are measured on it.

    Raises:
        UsageError: unknown format or precision, a missing package, or `out` exists.
        IntegrityError: the file computes something else than the model.
    """
    if format_name not in FORMATS:
        raise UsageError(f"no export format {format_name!r}", f"known: {', '.join(FORMATS)}")
    if precision not in TOLERANCE or (precision == "int8" and format_name != "onnx"):
        known = ", ".join(TOLERANCE if format_name == "onnx" else ["float32", "half"])
        raise UsageError(f"no precision {precision!r} for {format_name}", f"known: {known}")
    format_ = FORMATS[format_name]
    model = model.cpu().eval()
    with staged_folder(out) as staged:
        path = staged / format_.file
        write_json(staged / "config.json", model.config.to_json())
        format_.write(_network(model, precision), _example(model, 2), path)
        if precision == "int8":
            _quantise(path)
        exported = Exported(format_.runner(path), model)
        difference = largest_difference(model, exported)
        if difference > TOLERANCE[precision]:
            raise IntegrityError(
                f"{format_.file}: differs from the model by {difference:.2g}", "nothing was kept"
            )
        recall = _recall(model, exported, catalogue, track) if catalogue else {}
        facts = Export(
            file=out / format_.file,
            format=format_name,
            precision=precision,
            size=path.stat().st_size,
            sha256=sha256_of(path),
            largest_difference=difference,
            recall_at_1=recall,
        )
        write_json(staged / "export.json", {**facts.as_json(), "file": format_.file})
    return facts


@torch.inference_mode()
def largest_difference(model: Embedder, exported: nn.Module) -> float:
    """Return the largest coordinate difference over batches of several sizes."""
    batches = [_example(model, size) for size in BATCHES]
    return max(float((model(images) - exported(images)).abs().max()) for images in batches)


def _example(model: Embedder, batch: int) -> Tensor:
    size = model.config.preprocessing.size
    generator = torch.Generator().manual_seed(batch)
    return torch.randn(batch, 3, size, size, generator=generator)


def _network(model: Embedder, precision: str) -> nn.Module:
    return HalfInside(copy.deepcopy(model)) if precision == "half" else model


def _quantise(path: Path) -> None:
    """Replace an ONNX file by one with int8 weights; activations are quantised as they come."""
    onnx = needed("onnxruntime", "onnx")
    from onnxruntime.quantization import QuantType, quantize_dynamic

    model = onnx.load(path)
    del model.graph.value_info[:]  # shapes from before folding, which the quantiser trips over
    with quiet():
        quantize_dynamic(model, path, weight_type=QuantType.QUInt8, per_channel=True)


def _recall(
    model: Embedder, exported: Exported, catalogue: Catalogue, track: Track
) -> dict[str, float]:
    found = {}
    for name, network in (("model", model), ("exported", exported)):
        evaluation = evaluate_retrieval(network, catalogue, track=track)
        found[name] = evaluation.metrics["recall_at_1"]
    return found
