"""How a model is run over a set of images or texts."""

from dataclasses import dataclass
from importlib.util import find_spec

from zoo.errors import UsageError
from zoo.progress import Track, silent

# What computes a network: the packages that it needs, and the extra of rankzoo that brings them.
RUNTIMES: dict[str, tuple[tuple[str, ...], str]] = {
    "torch": ((), ""),
    "onnxruntime": (("onnx", "onnxscript", "onnxruntime"), "export"),
    "openvino": (("onnx", "onnxscript", "openvino"), "openvino"),
}


@dataclass(frozen=True)
class EmbedOptions:
    """Items in one pass, loading processes, device; `track` watches it.

    runtime: the program that computes the images' network on a CPU, a key of `RUNTIMES`, or
    `auto`: the fastest (`zoo.embedding.runtime`).
    Made once by whoever starts the work, and passed whole down to the batches.

    Raises:
        UsageError: no runtime is called so, it is not installed, or the device is no CPU.
    """

    batch_size: int = 64
    workers: int = 0
    device: str = "cpu"
    track: Track = silent
    runtime: str = "torch"

    def __post_init__(self) -> None:
        if self.runtime in ("auto", "torch"):
            return
        if self.runtime not in RUNTIMES:
            known = ", ".join(["auto", *RUNTIMES])
            raise UsageError(f"--runtime {self.runtime} is none", f"runtimes: {known}")
        if self.device != "cpu":
            raise UsageError(
                f"--runtime {self.runtime} computes on the CPU, not on {self.device}",
                "add --device cpu, or use --runtime torch",
            )
        if not is_installed(self.runtime):
            extra = RUNTIMES[self.runtime][1]
            raise UsageError(
                f"--runtime {self.runtime} is not installed", f"pip install 'rankzoo[{extra}]'"
            )


def is_installed(runtime: str) -> bool:
    """Whether the packages of a runtime are here."""
    return all(find_spec(package) for package in RUNTIMES[runtime][0])
