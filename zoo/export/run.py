"""Export a model, prove that the file computes what the model does, say what precision costs."""

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from zoo.data.dataset import ImageDataset
from zoo.detection.plain import WholeDetector
from zoo.embedding.options import EmbedOptions
from zoo.errors import IntegrityError, UsageError
from zoo.evaluation.retrieval import evaluate_retrieval
from zoo.export.detector import RawDetector
from zoo.export.formats import FORMATS, Exported, HalfInside
from zoo.files import sha256_of, staged_folder, write_json
from zoo.models import Embedder
from zoo.models.runtimes import needed, quiet
from zoo.progress import Track, silent
from zoo.recipes.detector import DetectionRecipe
from zoo.recipes.values import to_json

# Largest coordinate difference of unit vectors allowed; int8 has no bound worth stating and is
# judged by its Recall@1 instead.
TOLERANCE = {"float32": 1e-4, "half": 2e-2, "int8": 1.0}
OF_EMBEDDERS = {
    "safetensors": ("float32", "half"),
    "onnx": ("float32", "half", "int8"),
    "openvino": ("float32",),
    "torch-export": ("float32", "half"),
}
OF_DETECTORS = dict.fromkeys(("onnx", "openvino", "torch-export", "mmdetection"), ("float32",))
BATCHES = (1, 3)  # the example has 2: neither is what the file was traced with


@dataclass(frozen=True)
class Export:
    """The file, its largest difference from the model, and Recall@1 of both when measured.

    `beside`: the sha256 of each other file that it needs, all of them counted in `size` (bytes).
    """

    file: Path
    format: str
    precision: str
    size: int
    sha256: str
    largest_difference: float
    recall_at_1: dict[str, float]
    beside: dict[str, str] = field(default_factory=dict)

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
            "beside": self.beside,
        }


@dataclass(frozen=True, eq=False)
class Subject:
    """What is written: the network, what its config.json says, example batches, known formats."""

    network: nn.Module
    config: Mapping[str, Any]
    example: Callable[[int], Tensor]
    formats: Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class ExportOptions:
    """What is written, and the data that Recall@1 of an embedder and its file is measured on."""

    format: str = "onnx"
    precision: str = "float32"
    dataset: ImageDataset | None = None
    track: Track = silent


def export(model: nn.Module, out: Path, options: ExportOptions = ExportOptions()) -> Export:
    """Write `out` with the exported file, the model's config.json and export.json.

    model: an embedder, or a one-stage detector, whose file ends before suppression; for
        mmdetection any detector, whole.

    Raises:
        UsageError: unknown format or precision, a missing package, a model of another kind, or
            `out` exists.
        IntegrityError: the file computes something else than the model.
    """
    subject = _subject(model.cpu().eval(), options.format)
    _check(subject, options)
    format_, precision = FORMATS[options.format], options.precision
    with staged_folder(out) as staged:
        path = staged / format_.file
        write_json(staged / "config.json", subject.config)
        format_.write(_in_precision(subject.network, precision), subject.example(2), path)
        if precision == "int8":
            _quantise(path)
        run = format_.runner(path)
        difference = largest_difference(subject.network, run, [subject.example(n) for n in BATCHES])
        if difference > TOLERANCE[precision]:
            raise IntegrityError(
                f"{format_.file}: differs from the model by {difference:.2g}", "nothing was kept"
            )
        recall = {}
        if isinstance(model, Embedder) and options.dataset:
            recall = _recall(model, Exported(run, model), options.dataset, options.track)
        facts = Export(
            file=out / format_.file,
            format=options.format,
            precision=precision,
            size=sum((staged / name).stat().st_size for name in (format_.file, *format_.beside)),
            sha256=sha256_of(path),
            largest_difference=difference,
            recall_at_1=recall,
            beside={name: sha256_of(staged / name) for name in format_.beside},
        )
        write_json(staged / "export.json", {**facts.as_json(), "file": format_.file})
    return facts


@torch.inference_mode()
def largest_difference(
    model: nn.Module, run: Callable[[Tensor], Any], batches: Sequence[Tensor]
) -> float:
    """Return the largest difference of a number, as a share of an output's largest if above 1."""
    found = []
    for images in batches:
        pairs = zip(_outputs(model(images)), _outputs(run(images)), strict=True)
        found += [float((a - b).abs().max() / a.abs().max().clamp(min=1)) for a, b in pairs]
    return max(found)


def _outputs(value: Any) -> Sequence[Tensor]:
    return [value] if isinstance(value, Tensor) else list(value)


def _subject(model: nn.Module, format_name: str) -> Subject:
    if isinstance(model, Embedder):
        size = model.config.preprocessing.size

        def example(batch: int) -> Tensor:
            generator = torch.Generator().manual_seed(batch)
            return torch.randn(batch, 3, size, size, generator=generator)

        return Subject(model, model.config.to_json(), example, OF_EMBEDDERS)
    if isinstance(getattr(model, "recipe", None), DetectionRecipe):
        detector: Any = model
        config = {"detector": to_json(detector.recipe), "labels": list(detector.labels)}
        if format_name == "mmdetection":
            whole = WholeDetector(model)
            return Subject(whole, config, whole.example, OF_DETECTORS)
        raw = RawDetector(model)
        config |= {"height": raw.height, "width": raw.width}
        return Subject(raw.eval(), config, raw.example, OF_DETECTORS)
    raise UsageError(f"a {type(model).__name__} cannot be exported", "embedders and detectors can")


def _check(subject: Subject, options: ExportOptions) -> None:
    if options.format not in subject.formats:
        known = ", ".join(subject.formats)
        raise UsageError(f"no export format {options.format!r}", f"known: {known}")
    if options.precision not in subject.formats[options.format]:
        known = ", ".join(subject.formats[options.format])
        raise UsageError(
            f"no precision {options.precision!r} for {options.format}", f"known: {known}"
        )
    if options.dataset is not None and not isinstance(subject.network, Embedder):
        raise UsageError("Recall@1 is an embedder's", "leave --data out")


def _in_precision(network: nn.Module, precision: str) -> nn.Module:
    return HalfInside(copy.deepcopy(network)) if precision == "half" else network


def _quantise(path: Path) -> None:
    """Replace an ONNX file by one with int8 weights; activations are quantised as they come."""
    onnx = needed("onnxruntime", "onnx")
    from onnxruntime.quantization import QuantType, quantize_dynamic

    model = onnx.load(path)
    del model.graph.value_info[:]  # shapes from before folding, which the quantiser trips over
    with quiet():
        quantize_dynamic(model, path, weight_type=QuantType.QUInt8, per_channel=True)


def _recall(
    model: Embedder, exported: Exported, dataset: ImageDataset, track: Track
) -> dict[str, float]:
    found = {}
    for name, network in (("model", model), ("exported", exported)):
        evaluation = evaluate_retrieval(network, dataset, EmbedOptions(track=track))
        found[name] = evaluation.metrics["recall_at_1"]
    return found
