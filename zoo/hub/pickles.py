"""Tensors out of `.pth`/`.bin` files, without ever running what a pickle asks for."""

import pickle
import warnings
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from zoo.errors import IntegrityError, RankzooError

SHARED = 4  # times: tied weights are saved once and written out for each name
_WRAPPERS = ("state_dict", "net_state", "model", "model_state_dict", "net")


class Placeholder:
    """Stands for an object of a class that must not be loaded; takes anything, does nothing."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        pass

    def __setstate__(self, state: Any) -> None:
        pass


def foreign_classes(path: Path) -> list[str]:
    """Return the full names of what a zipped checkpoint asks for besides tensors; import nothing.

    Raises:
        IntegrityError: the file is damaged.
    """
    refuse_bomb(path)
    if not zipfile.is_zipfile(path):
        return []  # an old, unzipped file: read_pickle refuses whatever is foreign in it
    with _refusing(path):
        return sorted(torch.serialization.get_unsafe_globals_in_checkpoint(str(path)))


def read_pickle(path: Path, placeholders: Iterable[str] = ()) -> Any:
    """Load a file with `weights_only=True`: tensors and plain containers, nothing that runs.

    `placeholders` are full names whose objects become a `Placeholder` each.

    Raises:
        IntegrityError: the file asks for anything else, or is damaged.
    """
    refuse_bomb(path)
    inert: list[Any] = [(_placeholder(name), name) for name in placeholders]
    with _refusing(path), warnings.catch_warnings(), torch.serialization.safe_globals(inert):
        warnings.simplefilter("ignore", UserWarning)  # an unusual pickle protocol is no news
        return torch.load(path, map_location="cpu", weights_only=True)


def read_state_dict(path: Path, placeholders: Iterable[str] = ()) -> dict[str, Tensor]:
    """Return the named tensors of a pickle, looking inside the usual wrapper keys.

    Raises:
        IntegrityError: unsafe, damaged, or without named tensors.
    """
    value = read_pickle(path, placeholders)
    for key in _WRAPPERS:
        if isinstance(value, Mapping) and isinstance(value.get(key), Mapping):
            value = value[key]
            break
    named = dict(value) if isinstance(value, Mapping) else {}
    if not named or not all(isinstance(tensor, Tensor) for tensor in named.values()):
        raise IntegrityError(f"{path}: no named tensors in it", "a state_dict is needed")
    if not all(isinstance(name, str) for name in named):
        raise IntegrityError(f"{path}: a tensor's name is no text", "a state_dict is needed")
    _refuse_expanded(named, path)
    return named


def refuse_bomb(path: Path) -> None:
    """Refuse a zipped checkpoint that unpacks to more than it is.

    torch stores its entries as they are. Compressed, 5 MB can stand for 5 GB of zeros; entries
    that share their bytes can stand for as much.

    Raises:
        IntegrityError: an entry is compressed, or all together are larger than the file.
    """
    with _refusing(path):
        if not zipfile.is_zipfile(path):
            return
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    compressed = any(entry.compress_type != zipfile.ZIP_STORED for entry in entries)
    if compressed or sum(entry.file_size for entry in entries) > path.stat().st_size:
        raise IntegrityError(
            f"{path}: refused, its parts are larger unpacked than the file is",
            "torch.save writes them uncompressed: save its state_dict again where you trust it",
        )


def _refuse_expanded(named: Mapping[str, Tensor], path: Path) -> None:
    """Refuse tensors that would be written larger than the storage they are views of."""
    total = 0
    for name, tensor in named.items():
        size, held = tensor.numel() * tensor.element_size(), _held(tensor)
        total += size
        if tensor.layout is not torch.strided or size > held:
            raise IntegrityError(f"{path}: {name} is {size:,} bytes made of {held:,}")
    if total > SHARED * path.stat().st_size + 2**20:
        raise IntegrityError(f"{path}: its tensors share storage and are {total:,} bytes written")


def _held(tensor: Tensor) -> int:
    return tensor.untyped_storage().nbytes() if tensor.layout is torch.strided else 0


def _placeholder(name: str) -> type[Placeholder]:
    return type(name.rpartition(".")[2], (Placeholder,), {})


@contextmanager
def _refusing(path: Path) -> Iterator[None]:
    try:
        yield
    except pickle.UnpicklingError as error:
        raise IntegrityError(
            f"{path}: refused, it is not made of tensors alone ({_first_line(error)})",
            "save its state_dict as safetensors where you trust it: "
            "safetensors.torch.save_file(state_dict, 'model.safetensors')",
        ) from error
    except RankzooError:
        raise
    except Exception as error:  # a crafted pickle drives torch's reader into whatever it meets
        raise IntegrityError(f"{path}: damaged ({_first_line(error)})", "get it again") from error


def _first_line(error: Exception) -> str:
    said = str(error).rpartition("WeightsUnpickler error:")[2].strip()
    return (said or type(error).__name__).splitlines()[0][:160]
