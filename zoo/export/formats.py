"""Writing and running the exported file; every format is a pair of these."""

import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from zoo.detection.plain import run_mmdetection, write_mmdetection
from zoo.errors import UsageError
from zoo.models import Embedder, load_embedder
from zoo.models.storage import write_weights
from zoo.models.tensor_names import on_disk

Images = Float[Tensor, "batch 3 height width"]
Vectors = Float[Tensor, "batch dim"]
Run = Callable[[Tensor], Any]  # a batch of images to a tensor, or to one for each output


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


def write_onnx(network: nn.Module, example: Tensor, path: Path) -> None:
    """Write an ONNX file whose batch size is free: input `images`, output `embeddings`.

    A network that names its `outputs` has those instead.
    """
    needed("onnx", "onnxscript")
    with quiet():
        program = torch.onnx.export(
            network,
            (example,),
            dynamo=True,
            input_names=["images"],
            output_names=list(getattr(network, "outputs", ("embeddings",))),
            dynamic_shapes=({0: torch.export.Dim("batch", min=1)},),
            verbose=False,
        )
        assert program is not None
        program.save(path)


def run_onnx(path: Path) -> Run:
    """Return a function that runs the file with onnxruntime on the CPU."""
    session = needed("onnxruntime").InferenceSession(path, providers=["CPUExecutionProvider"])

    def forward(images: Tensor) -> Any:
        found = tuple(map(torch.from_numpy, session.run(None, {"images": images.cpu().numpy()})))
        return found if len(found) > 1 else found[0]

    return forward


def write_openvino(network: nn.Module, example: Tensor, path: Path) -> None:
    """Write OpenVINO's two files in float32, from the ONNX file of the same network."""
    openvino = needed("onnx", "onnxscript", "openvino", extra="openvino")
    steps = path.with_suffix(".onnx")
    write_onnx(network, example, steps)
    read = openvino.Core().read_model(steps)
    openvino.save_model(read, path, compress_to_fp16=False)
    steps.unlink()


def run_openvino(path: Path) -> Run:
    """Return a function that runs the file on the CPU in float32, where bfloat16 is the default."""
    core = needed("openvino", extra="openvino").Core()
    compiled = core.compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})

    def forward(images: Tensor) -> Any:
        values = compiled({"images": images.cpu().numpy()}).values()
        found = tuple(torch.from_numpy(value.copy()) for value in values)
        return found if len(found) > 1 else found[0]

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


def needed(*packages: str, extra: str = "export") -> Any:
    """Import packages, which `extra` of rankzoo brings, and return the last one.

    Raises:
        UsageError: one is missing; the hint names the extra.
    """
    from importlib import import_module

    try:
        return [import_module(package) for package in packages][-1]
    except ImportError as error:
        raise UsageError(
            f"exporting needs {error.name}", f"pip install 'rankzoo[{extra}]'"
        ) from error


@contextmanager
def quiet() -> Iterator[None]:
    """Keep the exporters' own warnings and log, meant for their authors, from the person."""
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(logging.NOTSET)
