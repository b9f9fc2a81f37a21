"""Which program computes a network on a CPU: torch, or another that is faster and agrees."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import cosine_similarity

from zoo.device import sent
from zoo.embedding.options import RUNTIMES, EmbedOptions, is_installed
from zoo.embedding.runtime_cache import Measured, Program
from zoo.embedding.sizes import WholeImages
from zoo.errors import IntegrityError, RankzooError, UsageError

Forward = Callable[[Tensor], Float[Tensor, "batch dim"]]
LOG = logging.getLogger("rankzoo")

LARGEST_LOSS = 1e-4  # of 1 - cosine against torch in float32
SAMPLE = 16  # images of the first batch that runtimes are compared and timed on
ROUNDS = 3
WORTH_TRYING = 60  # seconds in torch: writing the file and starting both takes 10, 90 when busy
WORTH_STARTING = 5  # seconds gained: a written file starts in about one


@dataclass(frozen=True, eq=False)
class First:
    """The first of `count` images, what torch makes of them, and the seconds it took for each."""

    program: Program
    torch: Forward
    images: Float[Tensor, "image 3 height width"]
    vectors: Float[Tensor, "image dim"]
    seconds: float
    count: int


def forward_by(model: nn.Module, options: EmbedOptions, count: int) -> Forward:
    """Return what embeds batches of `count` images, by the runtime of the options.

    The first batch is always embedded by torch: what another program makes of its first images
    is held to that, whoever chose it. `auto` takes the fastest, measured once per
    machine and model (`zoo.embedding.runtime_cache`), where the images repay it, and says so.

    Raises, with the first batch:
        UsageError: the model cannot be written for the runtime that was named.
        IntegrityError: that runtime computes something else than the model.
    """
    in_torch = partial(_in_torch, model, options.device)
    if options.runtime == "torch":
        return in_torch
    chosen: Forward | None = None

    def forward(images: Tensor) -> Tensor:
        nonlocal chosen
        if chosen is not None:
            return chosen(images)
        began = time.perf_counter()
        vectors = in_torch(images)
        seconds = (time.perf_counter() - began) / len(images)
        program = Program(model, images[:SAMPLE])
        first = First(program, in_torch, images[:SAMPLE], vectors[:SAMPLE], seconds, count)
        obstacle = _obstacle(model, options.device)
        if options.runtime == "auto":
            chosen = _fastest(first, obstacle)
        else:
            chosen = _named(first, options.runtime, obstacle)
        return vectors

    return forward


@torch.inference_mode()
def _in_torch(model: nn.Module, device: str, images: Tensor) -> Float[Tensor, "batch dim"]:
    forward: Any = getattr(model, "embed", model)  # a scorer's own output are its scores
    vectors: Tensor = forward(sent(images, device))
    return vectors.float().cpu()


def _obstacle(model: nn.Module, device: str) -> str:
    if torch.device(device).type != "cpu":
        return f"the other runtimes compute on the CPU, and the device is {device}"
    inner = getattr(model, "model", None)
    if isinstance(model, WholeImages) or isinstance(inner, WholeImages):
        return "whole images differ in shape, and the file of a network has one"
    return ""


def _named(first: First, name: str, obstacle: str) -> Forward:
    if obstacle:
        raise UsageError(f"--runtime {name}: {obstacle}", "use --runtime torch")
    forward = first.program.started(name)
    lost = _lost(forward(first.images), first.vectors)
    if not lost <= LARGEST_LOSS:  # it may be no number
        first.program.forget()  # perhaps the file is damaged: next time it is written again
        raise IntegrityError(
            f"--runtime {name}: 1 - cosine to what torch computes is {lost:.2g},"
            f" {LARGEST_LOSS:g} at most is allowed",
            "use --runtime torch",
        )
    return forward


def _fastest(first: First, obstacle: str) -> Forward:
    """Return the fastest runtime, torch where trying it or starting it takes longer than it saves.

    It says which, and why.
    """
    others = [name for name, (packages, _) in RUNTIMES.items() if packages and is_installed(name)]
    if not others and not obstacle:
        obstacle = "neither onnxruntime nor openvino is installed (pip install 'rankzoo[openvino]')"
    expected = first.seconds * first.count
    known = None if obstacle else first.program.measured()
    if not obstacle and known is None and expected < WORTH_TRYING:
        obstacle = f"{first.count} images take it about {expected:.0f} s: too few to try others on"
    if obstacle:
        return _told(first.torch, "torch", obstacle)
    if known is None:
        known = _measure(first, others)
        first.program.remember(known)
    best = min(known.seconds, key=known.seconds.__getitem__)
    gained = (known.seconds["torch"] - known.seconds[best]) * first.count
    why = known.described()
    if best == "torch" or gained < WORTH_STARTING:
        return _told(first.torch, "torch", why)
    try:
        return _told(_named(first, best, ""), best, why)
    except RankzooError as error:
        return _told(first.torch, "torch", str(error))


def _measure(first: First, others: list[str]) -> Measured:
    """Time torch and those of the others that compute the same, in turn."""
    ready: dict[str, Forward] = {"torch": first.torch}
    refused: dict[str, str] = {}
    LOG.info("runtime: torch and %s are measured, once for this model", " and ".join(others))
    for name in others:
        try:
            ready[name] = _named(first, name, "")
        except RankzooError as error:
            refused[name] = str(error)
    seconds = dict.fromkeys(ready, float("inf"))
    for _ in range(ROUNDS):
        for name, forward in ready.items():
            began = time.perf_counter()
            forward(first.images)
            took = (time.perf_counter() - began) / len(first.images)
            seconds[name] = min(seconds[name], took)
    return Measured(seconds, refused)


def _lost(found: Tensor, expected: Tensor) -> float:
    if found.shape != expected.shape:
        return float("inf")
    return float((1 - cosine_similarity(found.double(), expected.double())).max().clamp(min=0))


def _told(forward: Forward, name: str, why: str) -> Forward:
    LOG.info("runtime: %s (%s)", name, why)
    return forward
