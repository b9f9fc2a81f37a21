"""One of two processes: compares every loss with the same loss on the whole batch.

Run by test_distributed.py with a rendezvous file and its rank. A
process embeds its uneven share with a shared linear layer, averages the layer's gradient as
DistributedDataParallel does, and prints one JSON object: name -> [value, expected value, relative
gradient error].
"""

import inspect
import json
import sys
from typing import Any

import torch
from torch import Tensor, distributed, nn
from torch.nn.functional import normalize

from zoo.losses import LOSSES
from zoo.losses.distributed import AcrossProcesses


def build(name: str) -> nn.Module:
    kind: type[nn.Module] = LOSSES[name]
    parameters = inspect.signature(kind).parameters
    options: dict[str, Any] = {"classes": 3, "dim": 8} if "classes" in parameters else {}
    if "ks" in parameters:
        options["ks"] = (1, 2, 4)
    torch.manual_seed(0)
    return kind(**options).double()


def run(loss: nn.Module, inputs: Tensor, labels: Tensor) -> tuple[float, Tensor]:
    layer = torch.eye(8, dtype=torch.float64).requires_grad_()
    value = loss(normalize(inputs @ layer), labels)
    value.backward()
    assert layer.grad is not None
    return value.item(), layer.grad


def main() -> None:
    meeting, rank = sys.argv[1], int(sys.argv[2])
    distributed.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=2)
    generator = torch.Generator().manual_seed(3)
    inputs = torch.randn(13, 8, dtype=torch.float64, generator=generator)
    labels = torch.randint(3, (13,), generator=generator)
    levels = torch.stack([labels, labels // 2], dim=1)
    mine = [slice(0, 5), slice(5, 13)][rank]
    report = {}
    for name in LOSSES:
        classes = levels if name in ("sup_hap", "sup_ndcg") else labels
        value, gradient = run(AcrossProcesses(build(name)), inputs[mine], classes[mine])
        distributed.all_reduce(gradient)
        expected, whole = run(build(name), inputs, classes)
        error = (gradient / 2 - whole).norm() / whole.norm().clamp(min=1e-12)
        report[name] = [value, expected, error.item()]
    distributed.destroy_process_group()
    sys.stdout.write(json.dumps(report))


main()
