"""What other programs than torch need of a model, written once per machine and model.

A folder of the cache for each: the network as an ONNX file, and how fast each program was.
"""

import hashlib
import json
import platform
import re
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from zoo.embedding.identity import identify
from zoo.errors import RankzooError, UnavailableError, UsageError
from zoo.files import DAMAGED, cache_dir, one_line, read_sealed, staged_folder, typed, write_sealed
from zoo.models.runtimes import Run, run_onnx, run_openvino, write_onnx

NETWORK, FILE, RECORD = "network", "model.onnx", "measured.json"  # large weights lie beside FILE
RUN = {"onnxruntime": run_onnx, "openvino": run_openvino}
MADE_BY = ("rankzoo", "torch", "timm", "onnxscript", "onnxruntime", "openvino")


@dataclass(frozen=True)
class Measured:
    """Seconds an image of each runtime that computes what torch does; why others were refused."""

    seconds: Mapping[str, float]
    refused: Mapping[str, str] = field(default_factory=dict)

    def described(self) -> str:
        """Return the speeds, and what was refused, in one line."""
        speeds = [f"{name} {1 / each:.3g}" for name, each in self.seconds.items()]
        told = [f"images a second here: {', '.join(speeds)}"]
        return "; ".join(told + [f"{name} refused: {why}" for name, why in self.refused.items()])


@dataclass(frozen=True, eq=False)
class Program:
    """A network for images of one shape, and its folder in the cache.

    The folder's name is a hash of all that decides the file and the speeds: the weights, the
    configuration, the input's shape, the processor, the threads, and the versions of the programs.
    """

    model: nn.Module
    images: Tensor

    @cached_property
    def folder(self) -> Path:
        """Where it is kept."""
        identity = identify(self.model, "")
        facts: list[Any] = [
            type(self.model).__qualname__,
            identity.weights_sha256,
            dict(identity.config),
        ]
        facts += [list(self.images.shape[1:]), processor(), torch.get_num_threads()]
        facts += [{name: _version(name) for name in MADE_BY}]
        key = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
        return cache_dir() / "runtimes" / key[:32]

    def started(self, name: str) -> Run:
        """Return the network in the runtime called `name`, its file written first if need be.

        Raises:
            UsageError: the network cannot be written, or the runtime cannot read it.
            UnavailableError: the cache cannot be written.
        """
        file = self.folder / NETWORK / FILE
        written_before = file.exists()
        try:
            if not written_before:
                self._write()
            return RUN[name](file)
        except RankzooError:
            raise
        except OSError as error:
            problem = f"{self.folder}: the cache cannot be written ({error.strerror})"
            raise UnavailableError(problem, "set RANKZOO_CACHE to a folder you own") from error
        except Exception as error:  # whatever an exporter or a runtime raises
            if written_before:  # perhaps the file is damaged
                self.forget()
                return self.started(name)
            message = f"--runtime {name} cannot run this model: {one_line(error)}"
            raise UsageError(message, "use --runtime torch") from error

    def measured(self) -> Measured | None:
        """Return what was measured here before; what cannot be read counts as nothing."""
        path = self.folder / RECORD
        with suppress(RankzooError, OSError):
            found = typed(Measured, read_sealed(path), path, DAMAGED)
            if found.seconds.get("torch", 0) > 0:
                return found
        return None

    def remember(self, measured: Measured) -> None:
        """Keep what was measured, where the cache can be written."""
        with suppress(OSError):
            write_sealed(self.folder / RECORD, asdict(measured))

    def forget(self) -> None:
        """Remove the written network: it does not compute what the model does."""
        shutil.rmtree(self.folder / NETWORK, ignore_errors=True)

    def _write(self) -> None:
        with staged_folder(self.folder / NETWORK) as staged, torch.no_grad():
            example = self.images[:1].expand(2, -1, -1, -1).contiguous()
            write_onnx(_Embeds(self.model), example, staged / FILE)


class _Embeds(nn.Module):
    """A model whose output is its embedding: a scorer's own are its scores."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: Tensor) -> Tensor:
        forward: Any = getattr(self.model, "embed", self.model)
        vectors: Tensor = forward(images)
        return vectors.float()


def processor() -> str:
    """Return the processor's name, and which vector instructions torch uses on it."""
    name = platform.processor() or platform.machine()
    with suppress(OSError):
        found = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
        name = found[1] if found else name
    return f"{name}, {torch.backends.cpu.get_cpu_capability()}"


def _version(name: str) -> str:
    with suppress(PackageNotFoundError):
        return version(name)
    return ""
