"""Models on disk: a folder with `config.json` and `model.safetensors`."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from safetensors.torch import save_file
from torch import Tensor

from zoo.errors import IntegrityError, UnavailableError, UsageError
from zoo.files import (
    Blame,
    atomic_path,
    check_folder,
    read_object,
    read_tensors,
    sealing,
    write_json,
)
from zoo.models.config import EmbedderConfig

CONFIG = "config.json"
WEIGHTS = "model.safetensors"
AGAIN = Blame(hint="download or train again")


def read_config(folder: Path) -> EmbedderConfig:
    """Read the configuration of a model folder without its weights.

    Raises:
        UnavailableError: there is no `config.json`.
        IntegrityError: it is not an embedder's.
    """
    return parse_config(read_values(folder), folder)


def parse_config(value: dict[str, Any], folder: Path) -> EmbedderConfig:
    """Turn the content of a `config.json` into a configuration (errors name `folder`)."""
    try:
        return EmbedderConfig.from_json(value)
    except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError, UsageError) as error:
        raise IntegrityError(
            f"{folder / CONFIG} does not describe an image embedder ({error!r})",
            "it needs `architecture` and `pretrained_cfg`",
        ) from error


def write_weights(path: Path, state: dict[str, Tensor]) -> None:
    """Write tensors as safetensors, atomically."""
    with atomic_path(path) as temporary:
        save_file({name: tensor.cpu().contiguous() for name, tensor in state.items()}, temporary)


def write_model(
    folder: Path, state: dict[str, Tensor], config: Mapping[str, Any], others: Iterable[str] = ()
) -> None:
    """Write a model's weights and configuration, and the seal of both and of `others` there."""
    with sealing(folder) as names:
        write_weights(folder / WEIGHTS, state)
        write_json(folder / CONFIG, config)
        names.update((CONFIG, WEIGHTS, *others))


def read_values(folder: Path) -> dict[str, Any]:
    """Read the values of a `config.json`.

    Raises:
        UnavailableError: there is none.
        IntegrityError: it is no JSON object.
    """
    path = folder / CONFIG
    if not path.is_file():
        raise UnavailableError(f"{path} does not exist", "name a model folder, card or Hub id")
    return read_object(path, AGAIN)


def read_weights(folder: Path) -> dict[str, Tensor]:
    """Read the tensors of a model folder.

    Raises:
        UnavailableError: there are none.
        IntegrityError: the file is damaged, or the folder not as it was sealed.
    """
    path = folder / WEIGHTS
    if not path.is_file():
        raise UnavailableError(f"{path} does not exist", "only safetensors weights are loaded")
    check_folder(folder)
    return read_tensors(path, AGAIN)
