"""Tensors out of `.pth`/`.bin` files, without ever running what a pickle asks for."""

import pickle
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from zoo.errors import IntegrityError

_WRAPPERS = ("state_dict", "net_state", "model", "model_state_dict", "net")


def read_pickle(path: Path) -> Any:
    """Load a file with `weights_only=True`: tensors and plain containers, nothing that runs.

    Raises:
        IntegrityError: the file asks for anything else, or is damaged.
    """
    try:
        with warnings.catch_warnings():  # an unusual pickle protocol is no news to a person
            warnings.simplefilter("ignore", UserWarning)
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise IntegrityError(
            f"{path}: refused, it is not made of tensors alone ({_first_line(error)})",
            "save its state_dict as safetensors where you trust it: "
            "safetensors.torch.save_file(state_dict, 'model.safetensors')",
        ) from error
    except (RuntimeError, EOFError, ValueError, KeyError) as error:
        raise IntegrityError(f"{path}: damaged ({_first_line(error)})", "get it again") from error


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """Return the named tensors of a pickle, looking inside the usual wrapper keys.

    Raises:
        IntegrityError: unsafe, damaged, or without named tensors.
    """
    value = read_pickle(path)
    for key in _WRAPPERS:
        if isinstance(value, Mapping) and isinstance(value.get(key), Mapping):
            value = value[key]
            break
    named = dict(value) if isinstance(value, Mapping) else {}
    if not named or not all(isinstance(tensor, Tensor) for tensor in named.values()):
        raise IntegrityError(f"{path}: no named tensors in it", "a state_dict is needed")
    return named


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:160]
