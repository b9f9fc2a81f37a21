"""Whatever happens to a run, going on ends with the weights of the run that nothing happened to."""

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from zoo.errors import IntegrityError
from zoo.runs.checkpoint import load_checkpoint, save_checkpoint

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


def weights(value: float) -> dict[str, dict[str, torch.Tensor]]:
    return {"model": {"weight": torch.full((3,), value)}}


def test_the_last_two_checkpoints_are_kept_and_the_newest_is_read(tmp_path: Path) -> None:
    for step in (1, 2, 3):
        save_checkpoint(tmp_path, step, weights(step), {"optimiser": {"lr": 0.1}})
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["step-00000002", "step-00000003"]
    found = load_checkpoint(tmp_path)
    assert found is not None
    assert found[0]["model"]["weight"].tolist() == [3, 3, 3]
    assert found[1] == {"optimiser": {"lr": 0.1}, "step": 3}


@pytest.mark.parametrize(
    ("file", "harm"),
    [
        ("state.pt", lambda path: path.write_bytes(path.read_bytes()[:100])),
        ("state.pt", lambda path: path.unlink()),
        ("model.safetensors", lambda path: save_file({"weight": torch.zeros(3)}, path)),
        ("manifest.json", lambda path: path.write_text("{")),
    ],
)
def test_a_damaged_newest_checkpoint_gives_way_to_the_one_before(
    file: str, harm: Callable[[Path], object], tmp_path: Path
) -> None:
    for step in (1, 2):
        save_checkpoint(tmp_path, step, weights(step), {})
    harm(tmp_path / "step-00000002" / file)
    found = load_checkpoint(tmp_path)
    assert found is not None
    assert found[1]["step"] == 1


def test_checkpoints_that_are_all_damaged_are_an_integrity_error(tmp_path: Path) -> None:
    (save_checkpoint(tmp_path, 1, weights(1), {}) / "manifest.json").unlink()
    with pytest.raises(IntegrityError, match="every checkpoint is damaged"):
        load_checkpoint(tmp_path)


def test_no_checkpoint_is_no_error(tmp_path: Path) -> None:
    assert load_checkpoint(tmp_path / "nothing") is None


def test_a_half_written_checkpoint_is_not_seen(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, 1, weights(1), {})
    (tmp_path / ".step-00000002.abc").mkdir()
    found = load_checkpoint(tmp_path)
    assert found is not None
    assert found[1]["step"] == 1


class Malicious:
    """What a pickle could do: write a file when it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (Path.touch, (self.path,))  # type: ignore[return-value]


def test_a_checkpoint_that_holds_code_is_refused(tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    save_checkpoint(tmp_path / "run", 1, weights(1), {"optimiser": Malicious(trap)})
    with pytest.raises(IntegrityError, match=r"state\.pt"):
        load_checkpoint(tmp_path / "run")
    assert not trap.exists()
