"""Models on disk: a folder with `config.json` and `model.safetensors`."""

from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from zoo.errors import IntegrityError, UnavailableError, UsageError
from zoo.files import atomic_path
from zoo.models.config import EmbedderConfig
from zoo.typed import Blame, read_object

CONFIG = "config.json"
WEIGHTS = "model.safetensors"


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


def read_values(folder: Path) -> dict[str, Any]:
    """Read the values of a `config.json`.

    Raises:
        UnavailableError: there is none.
        IntegrityError: it is no JSON object.
    """
    path = folder / CONFIG
    if not path.is_file():
        raise UnavailableError(f"{path} does not exist", "name a model folder, card or Hub id")
    return read_object(path, Blame(hint="download or train again"))


def read_weights(folder: Path) -> dict[str, Tensor]:
    """Read the tensors of a model folder.

    Raises:
        UnavailableError: there are none.
        IntegrityError: the file is damaged.
    """
    path = folder / WEIGHTS
    if not path.is_file():
        raise UnavailableError(f"{path} does not exist", "only safetensors weights are loaded")
    try:
        state: dict[str, Tensor] = load_file(path)
    except (SafetensorError, ValueError) as error:
        raise IntegrityError(f"{path} is damaged: {error}", "download or train again") from error
    return state
