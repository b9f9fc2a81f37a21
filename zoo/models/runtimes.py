"""Other programs than torch that compute a network on a CPU: onnxruntime and OpenVINO."""

import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from zoo.errors import UsageError

Run = Callable[[Tensor], Any]  # a batch of images to a tensor, or to one for each output


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
    """Return a function that runs the file with onnxruntime on the CPU, on torch's many threads."""
    runtime = needed("onnxruntime")
    how = runtime.SessionOptions()
    how.intra_op_num_threads = torch.get_num_threads()
    session = runtime.InferenceSession(path, how, providers=["CPUExecutionProvider"])

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
    """Return a function that runs OpenVINO's or an ONNX file on the CPU, on torch's many threads.

    In float32: bfloat16 is the default where a processor has it.
    """
    core = needed("openvino", extra="openvino").Core()
    threads = torch.get_num_threads()
    how = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": threads}
    compiled = core.compile_model(path, "CPU", how)

    def forward(images: Tensor) -> Any:
        values = compiled({"images": images.cpu().numpy()}).values()
        found = tuple(torch.from_numpy(value.copy()) for value in values)
        return found if len(found) > 1 else found[0]

    return forward


def needed(*packages: str, extra: str = "export") -> Any:
    """Import packages, which `extra` of rankzoo brings, and return the last one.

    Raises:
        UsageError: one is missing; the hint names the extra.
    """
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
