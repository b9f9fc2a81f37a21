"""A third-party checkpoint becomes a model folder, every tensor accounted for."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors.torch import load_file
from torch import Tensor

from zoo.cards.model_files import check_safetensors
from zoo.data.preprocessing import Preprocessing
from zoo.errors import UnavailableError, UsageError
from zoo.files import staged_folder, write_json
from zoo.hub.conversion.architecture import find_architecture
from zoo.hub.conversion.formats import FORMATS, find_format
from zoo.hub.conversion.rules import Renamed, rename
from zoo.hub.pickles import foreign_classes, read_state_dict
from zoo.models import Embedder, EmbedderConfig, save_embedder
from zoo.models.backbone import load_strictly

REPORT = "conversion.json"


@dataclass(frozen=True)
class Choices:
    """What tensors cannot tell: `pooling` and `layer_norm` without parameters, sizes in pixels."""

    architecture: str | None = None
    pooling: str | None = None
    layer_norm: str | None = None
    size: int = 224
    resize: int = 256


@dataclass(frozen=True)
class Conversion:
    """What was done: the format, the model's configuration, and where each tensor went."""

    folder: Path
    format: str
    config: EmbedderConfig
    names: Mapping[str, str]
    dropped: Mapping[str, str]

    def as_json(self) -> dict[str, Any]:
        """Return what `rankzoo convert --json` prints and the folder's conversion.json holds."""
        return {
            "format": self.format,
            "architecture": self.config.architecture,
            "pooling": self.config.pooling,
            "layer_norm": self.config.layer_norm,
            "dim": self.config.dim,
            "kept": dict(self.names),
            "dropped": dict(self.dropped),
        }


def convert(
    checkpoint: Path, out: Path, *, format_name: str | None = None, choices: Choices = Choices()
) -> Conversion:
    """Write `out` as a model folder made of the weights in `checkpoint`.

    Pickles are read as tensors only: objects of foreign classes inside (a configuration, an
    optimiser) become empty placeholders and no code of theirs is imported.

    Raises:
        UnavailableError: there is no such file.
        IntegrityError: damaged, tensors without a rule, or tensors that do not make the model.
        UsageError: unknown format or architecture; `out` exists.
    """
    tensors, foreign = _read(checkpoint)
    name = find_format(tensors, format_name)
    renamed = rename(tensors, FORMATS[name].rules, str(checkpoint))
    config = embedder_config(renamed.tensors, choices)
    model = Embedder(config)
    load_strictly(model, renamed.tensors)
    dropped = {**renamed.dropped, **dict.fromkeys(foreign, "not a tensor: read as a placeholder")}
    done = Conversion(out, name, config, _old_to_new(renamed), dropped)
    with staged_folder(out) as staged:
        save_embedder(model, staged)
        write_json(staged / REPORT, {"source": checkpoint.name, **done.as_json()})
    return done


def embedder_config(tensors: Mapping[str, Tensor], choices: Choices) -> EmbedderConfig:
    """Read off the tensors what they can tell, and take the rest from `choices`.

    Raises:
        UsageError: a choice is another than the tensors tell.
    """
    transformer = "backbone.cls_token" in tensors
    vgg = "backbone.pre_logits.fc1.weight" in tensors
    without_parameters = "token" if transformer else "native" if vgg else "avg"
    gem, affine = "pooling.p" in tensors, "head.0.weight" in tensors
    projection = tensors.get("head.1.weight")
    _refuse_other("--pooling", choices.pooling, "gem" if gem else None)
    _refuse_other("--layer-norm", choices.layer_norm, "affine" if affine else None)
    return EmbedderConfig(
        architecture=choices.architecture or find_architecture(tensors),
        pooling="gem" if gem else choices.pooling or without_parameters,
        layer_norm="affine" if affine else choices.layer_norm or "none",
        dim=None if projection is None else projection.shape[0],
        preprocessing=Preprocessing(
            size=choices.size, resize=choices.resize, interpolation="bilinear"
        ),
    )


def _refuse_other(flag: str, chosen: str | None, told: str | None) -> None:
    if told is not None and chosen not in (None, told):
        raise UsageError(f"{flag} {chosen}: the tensors are those of {told}", "leave it out")


def _read(checkpoint: Path) -> tuple[dict[str, Tensor], list[str]]:
    if not checkpoint.is_file():
        problem = "is a folder" if checkpoint.is_dir() else "does not exist"
        raise UnavailableError(f"{checkpoint} {problem}", "name a checkpoint file")
    if checkpoint.suffix == ".safetensors":
        check_safetensors(checkpoint)
        return load_file(checkpoint), []
    foreign = foreign_classes(checkpoint)
    tensors = read_state_dict(checkpoint, placeholders=foreign)
    return {name.removeprefix("module."): tensor for name, tensor in tensors.items()}, foreign


def _old_to_new(renamed: Renamed) -> dict[str, str]:
    return {old: new for new, old in renamed.names.items()}
