"""Two processes give the gradient of one."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from zoo.losses import LOSSES, SmoothAP
from zoo.losses.distributed import AcrossProcesses

WORKER = Path(__file__).with_name("one_of_two.py")
Report = dict[str, list[float]]


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> list[Report]:
    meeting = tmp_path_factory.mktemp("gloo") / "meeting"
    shared = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(WORKER.parents[2])}
    processes = [
        subprocess.Popen(
            [sys.executable, str(WORKER), str(meeting), str(rank)],
            env=shared,
            stdout=subprocess.PIPE,
        )
        for rank in range(2)
    ]
    try:
        outputs = [process.communicate(timeout=300)[0] for process in processes]
    finally:
        for process in processes:
            process.kill()  # nothing, once it has ended
            process.wait()
    assert [process.returncode for process in processes] == [0, 0]
    return [json.loads(output) for output in outputs]


@pytest.mark.slow
def test_two_processes_give_the_value_and_gradient_of_one(
    reports: list[Report], record_property: Callable[[str, object], None]
) -> None:
    """Of every loss, in one test: the two processes compute them all at once."""
    for name in LOSSES:
        for rank, report in enumerate(reports):
            value, expected, gradient_error = report[name]
            line = f"{name:16} process {rank}: value {expected:.12f} {value:.12f}"
            record_property("expected, got", f"{line}   gradient off by {gradient_error:.1e}")
            assert value == pytest.approx(expected, rel=1e-12), name
            assert gradient_error < 1e-10, name


def test_one_process_takes_the_same_path(toy: tuple[Tensor, Tensor]) -> None:
    alone, wrapped = (toy[0].clone().requires_grad_() for _ in range(2))
    SmoothAP()(alone, toy[1]).backward()
    AcrossProcesses(SmoothAP())(wrapped, toy[1]).backward()
    torch.testing.assert_close(wrapped.grad, alone.grad)
