"""How near embedding a folder comes to the faster of its two limits: decoding, and the network."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from zoo.embedding.embed import Images, embed_batches
from zoo.embedding.options import EmbedOptions


def bench_extraction(
    model: nn.Module,
    paths: Sequence[Path],
    *,
    batch_size: int = 32,
    workers: int = 0,
    device: str = "cpu",
    repeats: int = 3,
) -> dict[str, float]:
    """Return images per second of decoding alone, of the network alone, and of the whole.

    The three are measured in turn, `repeats` times, and the best of each is kept, so that a busy
    machine slows them alike. `share` is whole / min(decode, network); `share_of_sum` compares with
    1 / (1 / decode + 1 / network), the limit when both compete for the same cores.
    """
    decode = network = whole = float("inf")
    transform: Any = model.transform
    images = Images(paths, transform)
    batch = torch.stack([p for p in (images[i] for i in range(batch_size)) if torch.is_tensor(p)])
    model.eval().to(device)
    for _ in range(repeats):
        decode = min(decode, _seconds(lambda: [images[i] for i in range(len(paths))]))
        network = min(network, _seconds(lambda: _run(model, batch.to(device), len(paths))))
        whole = min(whole, _seconds(lambda: _embed(model, paths, batch_size, workers, device)))
    rates = [len(paths) / seconds for seconds in (decode, network, whole)]
    return {
        "decode": rates[0],
        "network": rates[1],
        "whole": rates[2],
        "share": rates[2] / min(rates[0], rates[1]),
        "share_of_sum": rates[2] * (1 / rates[0] + 1 / rates[1]),
    }


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


@torch.inference_mode()
def _run(model: nn.Module, batch: torch.Tensor, count: int) -> None:
    for start in range(0, count, len(batch)):
        model(batch[: count - start])


def _embed(
    model: nn.Module, paths: Sequence[Path], batch_size: int, workers: int, device: str
) -> None:
    for _ in embed_batches(model, paths, EmbedOptions(batch_size, workers, device)):
        pass
