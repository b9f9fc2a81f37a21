"""Everything a run needs to go on, in folders that appear whole or not at all."""

import logging
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.utils._pytree import tree_map_only

from zoo.errors import IntegrityError
from zoo.files import read_sealed, read_tensors, sha256_of, staged_folder, typed, write_sealed

KEPT = 2
MANIFEST = "manifest.json"
logger = logging.getLogger("rankzoo")

State = dict[str, Any]
Weights = dict[str, dict[str, Tensor]]  # file stem -> tensors


@dataclass(frozen=True)
class _Manifest:
    step: int
    sha256: dict[str, str]


def save_checkpoint(folder: Path, step: int, weights: Weights, state: State) -> Path:
    """Write `folder/step-N`, then forget all but the last two.

    Tensors of networks are safetensors, one file for each key of `weights`; the rest is one
    `state.pt` of tensors and plain values; `manifest.json` holds the sha256 of each file. All
    tensors are brought to the CPU: a run goes on on another device.
    """
    target = folder / f"step-{step:08d}"
    shutil.rmtree(target, ignore_errors=True)  # the same step again, after a resume
    with staged_folder(target) as staged:
        for name, tensors in weights.items():
            contiguous = {key: tensor.cpu().contiguous() for key, tensor in tensors.items()}
            save_file(contiguous, staged / f"{name}.safetensors")
        torch.save({**tree_map_only(Tensor, Tensor.cpu, state), "step": step}, staged / "state.pt")
        files = {path.name: sha256_of(path) for path in sorted(staged.iterdir())}
        write_sealed(staged / MANIFEST, {"step": step, "sha256": files})
    for old in _checkpoints(folder)[:-KEPT]:
        shutil.rmtree(old)
    return target


def load_checkpoint(folder: Path) -> tuple[Weights, State] | None:
    """Read the newest checkpoint whose files are what its manifest says; None when there is none.

    Raises:
        IntegrityError: there are checkpoints, and all are damaged.
    """
    found = _checkpoints(folder)
    for path in reversed(found):
        if problem := _damage(path):
            logger.warning("%s is damaged (%s): trying the one before", path, problem)
            continue
        state = _plain_state(path / "state.pt")
        weights = {file.stem: read_tensors(file) for file in sorted(path.glob("*.safetensors"))}
        return weights, state
    if found:
        raise IntegrityError(
            f"{folder}: every checkpoint is damaged", "remove the run and train again"
        )
    return None


def _plain_state(path: Path) -> State:
    try:
        state: State = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a crafted pickle drives torch's reader into whatever it meets
        raise IntegrityError(
            f"{path} holds more than tensors and plain values", "do not resume from this folder"
        ) from error
    return state


def _checkpoints(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("step-*") if path.is_dir())


def _damage(path: Path) -> str:
    """Return what is wrong with a checkpoint, or nothing."""
    try:
        written = typed(_Manifest, read_sealed(path / MANIFEST), path / MANIFEST)
    except (OSError, IntegrityError):
        return f"no readable {MANIFEST}"
    for name, expected in written.sha256.items():
        file = path / name
        if not file.is_file():
            return f"{name} is missing"
        if sha256_of(file) != expected:
            return f"{name} is not what was written"
    return ""
