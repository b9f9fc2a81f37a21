"""Embedders on disk: a folder with `config.json` and `model.safetensors`."""

from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from zoo.errors import IntegrityError, UnavailableError, UsageError
from zoo.files import atomic_path, write_json
from zoo.models.backbone import load_backbone, load_strictly, without_distillation
from zoo.models.bounds import refuse_larger
from zoo.models.config import EmbedderConfig
from zoo.models.embedder import Embedder
from zoo.typed import Blame, read_object

CONFIG = "config.json"
WEIGHTS = "model.safetensors"


def build_embedder(
    config: EmbedderConfig, pretrained: Path | None = None, *, undistilled: bool = False
) -> Embedder:
    """Build an embedder; `pretrained` is a model folder whose backbone it starts from.

    `undistilled`: that backbone is a distilled transformer, whose second token is left out.

    Raises:
        UnavailableError, IntegrityError: the folder has no usable weights for this architecture.
    """
    model = Embedder(config)
    if pretrained is not None:
        state = read_weights(pretrained)
        ours = {k.removeprefix("backbone."): v for k, v in state.items() if "backbone." in k[:9]}
        found = without_distillation(ours or state) if undistilled else ours or state
        load_backbone(model.backbone, found, whole=config.depth is None)
    return model


def save_embedder(model: Embedder, folder: Path) -> None:
    """Write `config.json` and `model.safetensors` into `folder`, each atomically."""
    write_weights(folder / WEIGHTS, model.state_dict())
    write_json(folder / CONFIG, model.config.to_json())


def load_embedder(folder: Path) -> Embedder:
    """Read a folder of ours or of a timm repository; the model is in evaluation mode.

    Raises:
        UnavailableError: a file is missing.
        IntegrityError: a file is damaged, or the two do not belong together.
    """
    value = _read_config(folder)
    config = parse_config(value, folder)
    state = read_weights(folder)
    refuse_larger(lambda: Embedder(config), folder / WEIGHTS)
    model = Embedder(config)
    if "embedder" in value:
        load_strictly(model, state)
    else:
        load_backbone(model.backbone, state)
    return model.eval()


def read_config(folder: Path) -> EmbedderConfig:
    """Read the configuration of a model folder without its weights.

    Raises:
        UnavailableError: there is no `config.json`.
        IntegrityError: it is not an embedder's.
    """
    return parse_config(_read_config(folder), folder)


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


def _read_config(folder: Path) -> dict[str, Any]:
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
