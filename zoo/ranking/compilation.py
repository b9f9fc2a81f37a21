"""Fusing a kernel with `torch.compile`, where that pays and a compiler is there.

`RANKZOO_COMPILE` is `auto` (default), `always` or `never`.
"""

import logging
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from typing import Any, TypeVar

import torch

from zoo.errors import UsageError

F = TypeVar("F", bound=Callable[..., Any])

# Compiling takes 10 to 30 s once per machine: below this gallery a step gains milliseconds.
WORTH_COMPILING = 4096
MODES = ("auto", "always", "never")
# Steps, with and without roots, by one or several items: past torch's 8 a kernel is not compiled.
VARIANTS = 64


def fused(kernel: F, gallery: int, device: torch.device) -> F:
    """Return `kernel` compiled, or as it is: the results agree up to rounding."""
    mode = os.environ.get("RANKZOO_COMPILE", "auto")
    if mode not in MODES:
        raise UsageError(f"RANKZOO_COMPILE is {mode!r}", f"allowed: {', '.join(MODES)}")
    if mode == "never" or (mode == "auto" and gallery < WORTH_COMPILING):
        return kernel
    return _compiled(kernel) if can_compile(device) else kernel


def can_compile(device: torch.device) -> bool:
    """Whether a compiler for this kind of device is installed."""
    return _compiler_present(device.type)


def compiled(what: Any, *, dynamic: bool | None = None, fullgraph: bool = False) -> Any:
    """Return `torch.compile(what)` that uses no code which another kind of processor left behind.

    torch (2.14.1) keeps compiled graphs in a folder and looks them up without the vector
    instructions that they were laid out for: a graph made for AVX-512 and found by a process
    with AVX2 gives gradients of 1e35, the other way round memory is overwritten.
    """
    torch.compiler.config.cache_key_tag = f"rankzoo {torch.backends.cpu.get_cpu_capability()}"
    return torch.compile(what, dynamic=dynamic, fullgraph=fullgraph)


@contextmanager
def compiling(mode: str) -> Iterator[None]:
    """Set `RANKZOO_COMPILE` for a while."""
    before = os.environ.get("RANKZOO_COMPILE", "auto")
    os.environ["RANKZOO_COMPILE"] = mode
    try:
        yield
    finally:
        os.environ["RANKZOO_COMPILE"] = before


@cache
def _compiler_present(device: str) -> bool:
    if device == "cuda":
        return find_spec("triton") is not None
    return any(shutil.which(name) for name in (os.environ.get("CXX", "g++"), "clang++"))


def _failures() -> tuple[type[Exception], ...]:
    """What ends a compilation: an error, or more kinds of arguments than `VARIANTS`."""
    errors = torch._dynamo.exc
    return errors.TorchDynamoException, errors.FailOnRecompileLimitHit


@cache
def _compiled(kernel: Any) -> Any:
    """Return a function that falls back to `kernel` for good if compiling it fails.

    Sizes are variables of the compiled code, numbers (temperatures) are constants of it: as
    variables they would be read and divided again for every gap, which takes three times as long.

    A kernel is compiled whole or not at all: kernels write into their arguments, and one that
    failed half-way would be run again on what its first half had left there.
    """
    whole = compiled(kernel, dynamic=True, fullgraph=True)
    state: dict[str, Callable[..., Any]] = {"run": whole}

    def run(*arguments: Any) -> Any:
        try:
            with torch._dynamo.config.patch(specialize_float=True, recompile_limit=VARIANTS):
                return state["run"](*arguments)
        except _failures() as error:
            if state["run"] is kernel:
                raise
            logging.getLogger("rankzoo").warning("not compiled, still exact: %s", error)
            state["run"] = kernel
            return kernel(*arguments)

    return run
