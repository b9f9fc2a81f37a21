"""What this product stores carries the hash of its own content, so that no changed bit goes unseen.

Four forms of one idea: a JSON object, the lines of a JSONL file, tensors, and the files of a folder
that others read too. What has no seal was written by an earlier version, or by hand: it is read
as it is. Who changes such a file on purpose removes its seal.
"""

import hashlib
import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.files.reading import DAMAGED, Blame, as_object, parse_json, read_object, read_text, typed
from zoo.files.writing import Facts, atomic_path, write_json

if TYPE_CHECKING:  # what lists cards reads sealed pins, and must not wait for torch
    from torch import Tensor

SEAL = "seal"
FOLDER_SEAL = "rankzoo.json"
_LINE_DIGITS = 16  # of a line's seal; a JSON file has all 64
_LONGEST = 256 * 2**20  # bytes of lines; 500,000 rows of a run take 75 MB
_CHANGED = "its content is not what was written"
LOG = logging.getLogger("rankzoo")


@dataclass(frozen=True)
class _File(Facts):
    name: str


@dataclass(frozen=True)
class _Folder:
    files: list[_File]


def write_sealed(path: Path, value: Mapping[str, Any]) -> None:
    """Write a JSON object with its seal, atomically."""
    write_json(path, {**value, SEAL: _seal_of(value)})


def read_sealed(path: Path, blame: Blame = DAMAGED) -> dict[str, Any]:
    """Return a JSON object without its seal.

    Raises:
        RankzooError: of `blame`: no JSON object, or not the one that was sealed.
        OSError: it is missing, or may not be read.
    """
    value = read_object(path, blame)
    _open(value, path, blame)
    return value


def sealed_line(row: Mapping[str, Any]) -> str:
    """Return an object as one line of a JSONL file, with its seal."""
    return json.dumps({**row, SEAL: _seal_of(row)[:_LINE_DIGITS]}) + "\n"


def read_lines(path: Path, blame: Blame = DAMAGED) -> list[dict[str, Any]]:
    """Return the objects of a JSONL file; a last line that a kill cut short is left out.

    Raises:
        RankzooError: of `blame`, naming the line that is not what was written.
    """
    *lines, last = read_text(path, blame, _LONGEST).split("\n")
    lines += [last] if "}" in last else []  # a flat row that was cut has no end
    rows, sealed = list[dict[str, Any]](), set[bool]()
    for number, line in enumerate(lines, start=1):
        where = f"{path} line {number}"
        rows.append(as_object(parse_json(line, where, blame), where, blame))
        sealed.add(_open(rows[-1], where, blame, _LINE_DIGITS))
    if len(sealed) > 1:
        raise blame.of(path, "a line of it has lost its seal")
    return rows


def write_tensors(path: Path, tensors: Mapping[str, "Tensor"]) -> None:
    """Write tensors as safetensors, with their seal in its metadata, atomically."""
    from safetensors.torch import save_file

    kept = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    with atomic_path(path) as temporary:
        save_file(kept, temporary, metadata={SEAL: _seal_of_tensors(kept)})


def read_tensors(path: Path, blame: Blame = DAMAGED) -> "dict[str, Tensor]":
    """Return the tensors of a safetensors file.

    Raises:
        RankzooError: of `blame`: the file is damaged, or not what was sealed.
        OSError: it is missing, or may not be read.
    """
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise FileNotFoundError(2, "No such file", str(path))
    try:
        with safe_open(path, framework="pt") as file:
            seal = (file.metadata() or {}).get(SEAL)
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, ValueError, RuntimeError) as error:
        raise blame.of(path, f"damaged: {' '.join(str(error).split())}") from error
    if seal is not None and seal != _seal_of_tensors(tensors):
        raise blame.of(path, _CHANGED)
    return tensors


@contextmanager
def sealing(folder: Path) -> Iterator[set[str]]:
    """Yield a set for the names of a model folder's files; at the end they are sealed beside them.

    Until then the folder has no seal: a write that was cut off leaves no false one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FOLDER_SEAL).unlink(missing_ok=True)
    names = set[str]()
    yield names
    files = [{"name": name, **asdict(Facts.of(folder / name))} for name in sorted(names)]
    write_sealed(folder / FOLDER_SEAL, {"files": files})


def check_folder(folder: Path) -> None:
    """Raise unless the files of a model folder are those that were sealed there.

    Raises:
        IntegrityError: naming the file that is missing or differs.
    """
    path = folder / FOLDER_SEAL
    blame = Blame(hint=f"get it again; or remove {path} if you changed the folder on purpose")
    if not path.is_file():
        return
    sealed = typed(_Folder, read_sealed(path, blame), path, blame, foreign=True)
    for stated in sealed.files:
        file = folder / stated.name
        if not file.is_file() or Facts.of(file) != Facts(stated.size, stated.sha256):
            raise blame.of(file, _CHANGED)


def _open(value: dict[str, Any], where: object, blame: Blame, digits: int = 64) -> bool:
    """Take the seal off a value and compare it; return whether there was one."""
    seal = value.pop(SEAL, None)
    if seal is None:
        if broken := next((key for key in value if _nearly(key)), None):
            raise blame.of(where, f"the key {broken!r} was {SEAL!r} when it was written")
        _say_unsealed(str(where))
    elif seal != _seal_of(value)[:digits]:
        raise blame.of(where, _CHANGED)
    return seal is not None


def _nearly(key: str) -> bool:
    return len(key) == len(SEAL) and sum(a != b for a, b in zip(key, SEAL, strict=True)) == 1


@cache
def _said() -> list[str]:
    return []


def _say_unsealed(where: str) -> None:
    if not _said():
        LOG.info("%s has no seal (an earlier version's, or written by hand): taken as it is", where)
        _said().append(where)


def _seal_of(value: Mapping[str, Any]) -> str:
    plain = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(plain.encode()).hexdigest()


def _seal_of_tensors(tensors: Mapping[str, "Tensor"]) -> str:
    import torch

    digest = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f"{name}\0{tensor.dtype}\0{list(tensor.shape)}\0".encode())
        digest.update(tensor.contiguous().flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()
