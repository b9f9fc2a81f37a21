"""Writing and running the exported file; every format is a pair of these."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from zoo.detection.plain import run_mmdetection, write_mmdetection
from zoo.models import Embedder, load_embedder
from zoo.models.runtimes import Run, quiet, run_onnx, run_openvino, write_onnx, write_openvino
from zoo.models.storage import write_weights
from zoo.models.tensor_names import on_disk

Images = Float[Tensor, "batch 3 height width"]
Vectors = Float[Tensor, "batch dim"]


class HalfInside(nn.Module):
    """A network in float16 between a float32 input and a float32 output."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model.half()

    def forward(self, images: Images) -> Vectors:
        """Embed a batch."""
        vectors: Tensor = self.model(images.half())
        return vectors.float()


class Exported(nn.Module):
    """An exported file with the face of an `Embedder`: evaluation and checks cannot tell."""

    def __init__(self, run: Run, original: Embedder) -> None:
        super().__init__()
        self._run = run
        self.transform = original.transform
        self.dim = original.dim

    def forward(self, images: Images) -> Vectors:
        """Embed a batch with the exported file."""
        vectors: Tensor = self._run(images)
        return vectors


@dataclass(frozen=True)
class Format:
    """A file name, how to write it from a network and an example batch, and how to run it.

    `beside` are files that belong to it.
    """

    file: str
    write: Callable[[nn.Module, Tensor, Path], None]
    runner: Callable[[Path], Run]
    beside: tuple[str, ...] = ()


def write_program(network: nn.Module, example: Tensor, path: Path) -> None:
    """Write a torch.export program whose batch size is free."""
    with quiet():
        batch = torch.export.Dim("batch", min=1)
        program = torch.export.export(network, (example,), dynamic_shapes=({0: batch},))
        torch.export.save(program, path)


def run_program(path: Path) -> Run:
    """Return the forward function of a torch.export file."""
    with quiet():
        program = torch.export.load(path).module()

    def forward(images: Tensor) -> Any:  # not the module itself, which refuses `eval()`
        return program(images)

    return forward


def write_folder(network: nn.Module, _example: Tensor, path: Path) -> None:
    """Write weights that `zoo.load` reads, in the network's precision."""
    model = network.model if isinstance(network, HalfInside) else network
    write_weights(path, on_disk(model.state_dict()))


def run_folder(path: Path) -> Run:
    """Return the forward function of a model folder: half weights compute in float32."""
    model = load_embedder(path.parent)

    def forward(images: Tensor) -> Tensor:
        vectors: Tensor = model(images)
        return vectors

    return forward


FORMATS: dict[str, Format] = {
    "safetensors": Format("model.safetensors", write_folder, run_folder),
    "onnx": Format("model.onnx", write_onnx, run_onnx),
    "openvino": Format("model.xml", write_openvino, run_openvino, ("model.bin",)),
    "torch-export": Format("model.pt2", write_program, run_program),
    "mmdetection": Format("detector.pth", write_mmdetection, run_mmdetection),
}
