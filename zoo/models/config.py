"""What, beside the weights, defines an embedder; the content of its `config.json`."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from zoo.data.preprocessing import Preprocessing
from zoo.errors import UsageError
from zoo.files import typed
from zoo.models.pooling import MAP_POOLINGS

POOLINGS = ("native", "token", *MAP_POOLINGS)
WIDEST = 65_536  # dimensions; published embeddings have 64 to 8,192
LAYER_NORMS = ("none", "plain", "affine", "l2")


@dataclass(frozen=True)
class EmbedderConfig:
    """Backbone, pooling, head and preprocessing of an embedder.

    architecture: a timm name.
    pooling: `native` is what timm does before the classifier; `token` a transformer's class
        token; `avg`, `max`, `gem` and `weldon` pool feature maps (or patch tokens).
    layer_norm: on the pooled features: `none`, `plain` (no parameters), `affine`, or `l2` for unit
        length instead (landmark descriptors, before a projection that whitens them).
    dim: width of a linear projection; None keeps the pooled features.
    depth: feature levels of the backbone that are kept, counted as timm counts them (5 reach the
        last one of a network of stride 32); what comes after is cut off. None keeps it whole.
    maps: a convolution of one place makes so many maps of the last ones before they are pooled.
    dropout: the share of the pooled features that is dropped while training.
    """

    architecture: str
    pooling: str = "native"
    layer_norm: str = "none"
    dim: int | None = None
    depth: int | None = None
    maps: int | None = None
    dropout: float = 0.0
    preprocessing: Preprocessing = field(default_factory=Preprocessing)

    def __post_init__(self) -> None:
        _require("pooling", self.pooling, POOLINGS)
        _require("layer_norm", self.layer_norm, LAYER_NORMS)
        for name in ("dim", "maps"):
            width = getattr(self, name)
            if width is not None and not 1 <= width <= WIDEST:
                hint = f"give a number from 1 to {WIDEST}, or null"
                raise UsageError(f"{name}={width} is not a width", hint)
        if not 0 <= self.dropout < 1:
            raise UsageError(f"dropout={self.dropout} is no share", "a number from 0, below 1")
        if self.depth is not None and self.pooling == "native":
            raise UsageError(
                f"depth={self.depth} cuts off what pooling=native needs",
                "choose pooling=avg, max, gem or token",
            )
        if self.maps is not None and self.pooling not in MAP_POOLINGS:
            hint = f"choose pooling={', '.join(MAP_POOLINGS)}"
            raise UsageError(f"maps={self.maps}: pooling={self.pooling} pools no maps", hint)

    def at_size(self, size: int, resize: int | None = None) -> "EmbedderConfig":
        """Return the same configuration for another input size (`resize` defaults to `size`)."""
        preprocessing = replace(self.preprocessing, size=size, resize=resize or size)
        return replace(self, preprocessing=preprocessing)

    def to_json(self) -> dict[str, Any]:
        """Return the content of `config.json`: timm's keys, and ours under `embedder`."""
        return {
            "architecture": self.architecture,
            "pretrained_cfg": self.preprocessing.to_timm(),
            "embedder": {
                "pooling": self.pooling,
                "layer_norm": self.layer_norm,
                "dim": self.dim,
                "depth": self.depth,
                "maps": self.maps,
                "dropout": self.dropout,
                "preprocessing": self.preprocessing.to_json(),
            },
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "EmbedderConfig":
        """Read a `config.json` of ours, or of a timm repository (native pooling, no head).

        Raises:
            KeyError, TypeError, IntegrityError: it is neither.
        """
        ours = value.get("embedder")
        if ours is None:
            preprocessing = Preprocessing.from_timm(value["pretrained_cfg"])
            if not isinstance(value["architecture"], str):
                raise TypeError(f"architecture={value['architecture']!r}")
            return cls(value["architecture"], preprocessing=preprocessing)
        return typed(cls, {"architecture": value["architecture"], **ours}, "embedder")


def _require(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise UsageError(f"{name}={value!r} is unknown", f"choose one of {', '.join(allowed)}")
