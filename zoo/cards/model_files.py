"""Safetensors files and model folders, checked before anything is built from them."""

import shlex
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from zoo.cards.sources import FileRecord
from zoo.errors import IntegrityError, UnavailableError, UsageError
from zoo.files import Blame, read_object, sha256_of

WEIGHTS = "model.safetensors"
CONFIG = "config.json"
OF_A_RUN = ("recipe.json", "metrics.jsonl")  # what a run leaves before it has a model


def check_safetensors(path: Path) -> None:
    """Check that a safetensors file is whole: its header parses and its length fits.

    Raises:
        IntegrityError: it is truncated or tampered with.
    """
    try:
        with safe_open(path, framework="np"):
            pass
    except SafetensorError as error:
        raise IntegrityError(f"{path}: not a whole safetensors file ({error})") from error


def read_config(folder: Path) -> dict[str, Any]:
    """Read a model folder's config.json.

    Raises:
        UnavailableError: there is none.
        IntegrityError: it is not a JSON object.
    """
    path = folder / CONFIG
    if not path.is_file():
        raise _no_model(folder, CONFIG)
    return read_object(path, Blame(hint="download or train again"))


def check_model_folder(folder: Path) -> Path:
    """Return `folder` when it holds a readable config.json and a whole model.safetensors.

    Raises:
        UsageError: it holds pickled weights only.
        UnavailableError: it is not a model folder.
        IntegrityError: a file is damaged.
    """
    read_config(folder)
    weights = folder / WEIGHTS
    if weights.is_file():
        check_safetensors(weights)
        return folder
    pickles = sorted(p.name for p in folder.iterdir() if p.suffix in {".pth", ".pt", ".bin"})
    if pickles:
        raise UsageError(
            f"{folder}: {pickles[0]} is a pickle, and {WEIGHTS} is missing",
            f"convert it once: rankzoo convert {folder / pickles[0]} --out FOLDER",
        )
    raise _no_model(folder, WEIGHTS)


def _no_model(folder: Path, missing: str) -> UnavailableError:
    """Return the error of a folder without a model: of a run that has none yet, or of another."""
    if missing != CONFIG or not all((folder / name).is_file() for name in OF_A_RUN):
        return UnavailableError(f"{folder}: no {missing}, so it is not a model folder")
    again = f"rankzoo train … --out {shlex.quote(str(folder))} --resume auto"
    hint = f"go on with the command that began it: {again}"
    if (best := folder / "best" / CONFIG).is_file():
        hint += f"; the best model so far is {best.parent}"
    return UnavailableError(f"{folder}: a run that is not finished, so it has no model yet", hint)


def is_intact(path: Path, record: FileRecord) -> bool:
    """Whether a file is there and has the recorded size and sha256."""
    if not path.is_file() or path.stat().st_size != record.size:
        return False
    return sha256_of(path) == record.sha256


def record_of(path: Path, name: str) -> FileRecord:
    """Describe an existing file."""
    return FileRecord(name, path.stat().st_size, sha256_of(path))
