"""Whatever happens to a run, going on ends with the weights of the run that nothing happened to."""

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

ROOT = Path(__file__).parents[2]
PROGRAM = Path(__file__).parent / "tiny_run.py"
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def tiny_run(photos: Path) -> Run:
    """Run the tiny program, in one process or under torchrun."""

    def run(out: Path, *options: str, processes: int = 1) -> subprocess.CompletedProcess[str]:
        launcher = [sys.executable]
        if processes > 1:
            launcher += ["-m", "torch.distributed.run", "--standalone"]
            launcher += [f"--nproc-per-node={processes}"]
        command = [*launcher, str(PROGRAM), str(photos), str(out), *options]
        environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "OMP_NUM_THREADS": "1"}
        return subprocess.run(
            command, capture_output=True, text=True, env=environment, check=False, timeout=300
        )

    return run


def largest_difference(one: Path, other: Path) -> float:
    """The relative difference of two runs' weights, as one vector; 0 means bit-equal."""
    ours, theirs = (load_file(run / "model.safetensors") for run in (one, other))
    assert ours.keys() == theirs.keys()
    if all(torch.equal(ours[name], theirs[name]) for name in ours):
        return 0.0
    apart = torch.cat([(ours[n] - theirs[n]).double().flatten() for n in ours])
    size = torch.cat([theirs[n].double().flatten() for n in ours])
    return float(apart.norm() / size.norm())


@pytest.mark.slow
def test_kill_9_and_resume_ends_with_the_same_bits(tiny_run: Run, tmp_path: Path) -> None:
    """Two passes, memory, average and augmentation on; killed before and after a checkpoint."""
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    assert tiny_run(whole).returncode == 0
    assert tiny_run(parts, "--kill-at=3").returncode == -signal.SIGKILL
    assert not (parts / "checkpoints").exists()
    assert tiny_run(parts, "--resume", "--kill-at=7").returncode == -signal.SIGKILL
    assert not (parts / "model.safetensors").exists()
    assert tiny_run(parts, "--resume").returncode == 0
    assert largest_difference(parts, whole) == 0


@pytest.mark.slow
def test_two_processes_give_the_weights_of_one_and_resume_bit_equal(
    tiny_run: Run, tmp_path: Path
) -> None:
    settings = ["--set=optimiser.name=sgd", "--set=optimiser.lr=0.005", "--set=optimiser.ema=null"]
    one, two, parts = tmp_path / "one", tmp_path / "two", tmp_path / "parts"
    assert tiny_run(one, *settings).returncode == 0
    assert tiny_run(two, *settings, processes=2).returncode == 0
    assert 0 <= largest_difference(two, one) <= 1e-6
    assert tiny_run(parts, *settings, "--kill-at=7", processes=2).returncode != 0
    assert tiny_run(parts, *settings, "--resume", processes=2).returncode == 0
    assert largest_difference(parts, two) == 0
