"""The recipe of a detector: every choice as frozen values that travel with its weights."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from difflib import get_close_matches
from typing import Any, Literal, get_args, get_type_hints

from zoo.errors import UsageError

Detector = Literal["retinanet", "atss", "faster_rcnn"]
Loss = Literal["focal", "cross_entropy", "ap", "alrp", "rank_sort", "blackbox_ap"]
LOSSES_OF: dict[str, tuple[str, ...]] = {
    "retinanet": ("focal", "ap", "alrp", "rank_sort"),
    "atss": ("focal", "ap", "alrp", "rank_sort"),
    "faster_rcnn": ("cross_entropy", "blackbox_ap", "ap", "alrp", "rank_sort"),
}


@dataclass(frozen=True)
class DetectionRecipe:
    """A named, complete training set-up of a detector.

    `depth` is that of the ResNet; `backbone` is where its weights come from (a Hub model, or None:
    random weights, all of it trained). `train` and `test` name annotated parts: splits of COCO
    files, or sets of VOC as `VOC2007/trainval`. `scale` is (longest, shortest) side in pixels.
    `loss_options` go to the loss; `score_threshold` is the lowest score a detection may have.
    `proposals` and `regions` bound the boxes that a two-stage detector passes on and trains on.
    `bad_boxes`: "fail" on a box without area, or "skip" it (COCO's own training set holds two).
    """

    name: str
    about: str
    detector: Detector
    loss: Loss
    layout: Literal["coco", "voc"]
    train: tuple[str, ...]
    test: str
    depth: Literal[18, 34, 50, 101] = 50
    backbone: str | None = None
    scale: tuple[int, int] = (1333, 800)
    batch: int = 16
    lr: float = 0.01
    momentum: float = 0.9
    weight_decay: float = 1e-4
    warmup_steps: int = 500
    epochs: int = 12
    decay_at: tuple[int, ...] = (8, 11)
    clip_norm: float | None = None
    score_threshold: float = 0.05
    proposals: int = 1000
    regions: int = 512
    loss_options: Mapping[str, Any] = field(default_factory=dict)
    bad_boxes: Literal["fail", "skip"] = "fail"
    hardware: str = ""
    published: Mapping[str, float] = field(default_factory=dict)
    source: str = ""

    def __post_init__(self) -> None:
        if self.loss not in LOSSES_OF[self.detector]:
            allowed = ", ".join(LOSSES_OF[self.detector])
            raise UsageError(f"{self.detector} has no loss {self.loss!r}", f"choose from {allowed}")


def to_json(recipe: DetectionRecipe) -> dict[str, Any]:
    """Return the recipe as plain values."""
    value: dict[str, Any] = json.loads(json.dumps(asdict(recipe)))
    return value


def from_json(value: Mapping[str, Any]) -> DetectionRecipe:
    """Read what `to_json` wrote.

    Raises:
        UsageError: an unknown or missing key, or a value of the wrong type.
    """
    checked = {key: _checked(key, plain) for key, plain in value.items()}
    try:
        return DetectionRecipe(**checked)
    except TypeError as error:
        raise UsageError(f"recipe: {str(error).partition('() ')[2]}") from error


def override(recipe: DetectionRecipe, key: str, value: str) -> DetectionRecipe:
    """Return the recipe with one value changed; `loss.lam` is an option of the loss.

    Raises:
        UsageError: an unknown key, with the nearest known one, or a value of the wrong type.
    """
    try:
        plain = json.loads(value)
    except json.JSONDecodeError:
        plain = value
    if key.startswith("loss."):
        options = {**recipe.loss_options, key.removeprefix("loss."): plain}
        return replace(recipe, loss_options=options)
    return replace(recipe, **{key: _checked(key, plain)})


def _checked(key: str, plain: Any) -> Any:
    """Return the value in the type of the field `key`."""
    hints = get_type_hints(DetectionRecipe)
    if key not in hints:
        near = get_close_matches(key, [f.name for f in fields(DetectionRecipe)], n=1)
        hint = f"did you mean {near[0]}?" if near else f"the keys are {', '.join(hints)}"
        raise UsageError(f"unknown recipe key {key!r}", hint)
    hint = hints[key]
    value = tuple(plain) if isinstance(plain, list) else plain
    value = float(value) if hint is float and type(value) is int else value
    if not _fits(value, hint):
        raise UsageError(f"recipe key {key}: {plain!r} is no {_spelled(hint)}")
    return value


def _fits(value: Any, hint: Any) -> bool:
    arguments = get_args(hint)
    origin = getattr(hint, "__origin__", None)
    if origin is Literal:
        return value in arguments
    if origin is tuple:
        inner = arguments[0]
        sized = arguments[-1] is Ellipsis or len(value) == len(arguments)
        return isinstance(value, tuple) and sized and all(type(item) is inner for item in value)
    if arguments and origin is None:  # a union with None
        return any(_fits(value, argument) for argument in arguments)
    return isinstance(value, origin or hint) and not (hint is int and isinstance(value, bool))


def _spelled(hint: Any) -> str:
    if getattr(hint, "__origin__", None) is Literal:
        return "one of " + ", ".join(map(str, get_args(hint)))
    return getattr(hint, "__name__", str(hint)) if not get_args(hint) else str(hint)
