"""Which model made an embedding: a hash of its tensors and its configuration."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from zoo.embedding.sizes import MultiScale
from zoo.errors import UsageError
from zoo.files import plain

# Settings that configurations of an earlier version lack, and what these meant.
LATER: Mapping[str, Any] = {"crop_mode": "center", "maps": None}
# They decide how a model is trained or what its scores are called, not where it places an image.
NOT_EMBEDDING = {"dropout", "task", "column"}


@dataclass(frozen=True)
class ModelIdentity:
    """The model whose embeddings an index holds: only it may ask questions.

    weights_sha256: over the tensors themselves (`zoo.embedding.identity`) (whatever the file).
    config: what else decides the embedding: architecture, pooling, preprocessing; of any version
        of this zoo the same, so that what was indexed by one is searched by the next.
    """

    name: str
    weights_sha256: str
    config: Mapping[str, Any]

    def __post_init__(self) -> None:
        object.__setattr__(self, "config", deciding(self.config))


def deciding(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a configuration without what does not decide an embedding.

    >>> deciding({"size": 64, "crop_mode": "center", "head": {"dropout": 0.1, "dim": None}})
    {'size': 64, 'head': {'dim': None}}
    """
    return {
        key: deciding(value) if isinstance(value, Mapping) else value
        for key, value in config.items()
        if key not in NOT_EMBEDDING and not (key in LATER and value == LATER[key])
    }


def weights_sha256(model: nn.Module) -> str:
    """Hash every tensor of a model by name, type, shape and bytes.

    Unlike a file's hash, it is the same for a model in memory, in safetensors or in shards.
    So the seal's hash of the file cannot stand for it: that one goes over other bytes in another
    order, and indexes hold this one. Both are SHA-256 and need a pass each.
    """
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(_bytes(tensor))
    return digest.hexdigest()


def identify(model: nn.Module, name: str) -> ModelIdentity:
    """Return the identity of `model`, remembered under `name` (what `zoo.load` will be given)."""
    inner = model.model if isinstance(model, MultiScale) else model
    config: Any = getattr(inner, "config", None)
    values = plain(config.to_json() if config else {})
    if isinstance(model, MultiScale):
        values["scales"] = list(model.scales)
    return ModelIdentity(name, weights_sha256(inner), values)


def at_scales(model: nn.Module, scales: Sequence[float]) -> nn.Module:
    """Return a model that embeds images at several scales and averages; at 1 alone, itself.

    Raises:
        UsageError: the network takes images of one size only.
    """
    return model if tuple(scales) == (1.0,) else MultiScale(model, tuple(scales))


def as_indexed(model: nn.Module, identity: ModelIdentity) -> nn.Module:
    """Return a freshly loaded model as it was used for an index: at the same scales."""
    return at_scales(model, identity.config.get("scales", (1.0,)))


def reference(name: str) -> str:
    """Return the name under which a model will be found again from any working folder."""
    return str(Path(name).absolute()) if Path(name).exists() else name


def refuse_other_model(
    expected: ModelIdentity,
    asked: ModelIdentity,
    holder: str = "the index was built",
    other: str = "asked",
    hint: str = "",
) -> None:
    """Refuse a model whose embeddings mean something else than those that are there.

    holder, other: who was made `with` the one, and who with the other. hint: what to do.

    Raises:
        UsageError: weights or configuration differ.
    """
    hint = hint or f"search with {expected.name!r}, or build an index with {asked.name!r}"
    if expected.weights_sha256 != asked.weights_sha256:
        raise UsageError(
            f"{holder} with other weights: {expected.name!r}"
            f" ({expected.weights_sha256[:12]}), {other} with {asked.name!r}"
            f" ({asked.weights_sha256[:12]})",
            hint,
        )
    if dict(expected.config) != dict(asked.config):
        raise UsageError(
            f"{holder} with these weights, but not their preprocessing: {expected.name!r},"
            f" {other} with {asked.name!r}",
            hint,
        )


def _bytes(tensor: Tensor) -> memoryview:
    flat = tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
    return flat.numpy().data
