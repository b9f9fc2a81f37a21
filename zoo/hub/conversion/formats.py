"""What third-party checkpoints call their tensors, and what an `Embedder` calls them."""

import re
from collections.abc import Collection
from dataclasses import dataclass

from zoo.errors import UsageError
from zoo.hub.conversion.rules import Drop, Rename, Rule, Twin

_STAGES = r"(conv1|bn1|layer[1-4])(\..+)"
_TOKENS = r"(patch_embed\..+|cls_token|pos_embed|blocks\..+|norm\..+)"
_CLASSIFIER = "the ImageNet classifier"


@dataclass(frozen=True)
class Format:
    """A kind of checkpoint: patterns that must each match a tensor, and the rules."""

    about: str
    known_by: tuple[str, ...]
    rules: tuple[Rule, ...]


def _sequential_stages() -> list[Rule]:
    """`nn.Sequential(*resnet.children())` numbers what torchvision names (4 to 7: the stages)."""
    stages = [Rename(rf"backbone\.{n}\.(.+)", rf"backbone.layer{n - 3}.\1") for n in range(4, 8)]
    first = [Rename(r"backbone\.0\.(.+)", r"backbone.conv1.\1")]
    return [*first, Rename(r"backbone\.1\.(.+)", r"backbone.bn1.\1"), *stages]


def _stage_twins() -> list[Rule]:
    return [Twin(rf"layer_blocks\.{n}\.(.+)", rf"model.layer{n + 1}.\1") for n in range(4)]


FORMATS: dict[str, Format] = {
    "suprank": Format(
        "ROADMAP, HAPPIER and SupRank",
        (r"backbone\.(0\.weight|blocks\..+)",),
        (
            *_sequential_stages(),
            Rename(rf"backbone\.{_TOKENS}", r"backbone.\1"),
            Rename(r"fc\.(weight|bias)", r"head.1.\1"),
            Rename(r"pooling\.p", "pooling.p", shape=()),
            Twin(r"head\.0\.p", "pooling.p"),
            Twin(r"head\.3\.(weight|bias)", r"fc.\1"),
            Drop(r"backbone\.head\..+", _CLASSIFIER),
        ),
    ),
    "recall_at_k": Format(
        "RS@k and Smooth-AP",
        (r"model\.(conv1\.weight|blocks\..+)",),
        (
            Rename(rf"model\.{_STAGES}", r"backbone.\1\2"),
            Rename(rf"model\.{_TOKENS}", r"backbone.\1"),
            *_stage_twins(),
            Rename(r"model\.layer_norm\.(weight|bias)", r"head.0.\1"),
            Rename(r"model\.(last_linear|head)\.(weight|bias)", r"head.1.\2"),
            Rename(r"gem\.p", "pooling.p", shape=()),
        ),
    ),
    "ap_gem": Format(
        "naver's deep-image-retrieval (AP-GeM)",
        (r"conv1\.weight", r"adpool\.p"),
        (
            Rename(_STAGES, r"backbone.\1\2"),
            Rename(r"adpool\.p", "pooling.p", shape=()),
            Rename(r"fc\.(weight|bias)", r"head.1.\1"),
        ),
    ),
    "torchvision_resnet": Format(
        "torchvision's ResNets",
        (r"conv1\.weight", r"layer4\.0\.conv1\.weight"),
        (Rename(_STAGES, r"backbone.\1\2"), Drop(r"fc\..+", _CLASSIFIER)),
    ),
    "torchvision_vgg": Format(
        "torchvision's VGGs",
        (r"features\.0\.weight", r"classifier\.0\.weight"),
        (
            Rename(r"(features\..+)", r"backbone.\1"),
            Rename(r"classifier\.0\.weight", "backbone.pre_logits.fc1.weight", (4096, 512, 7, 7)),
            Rename(r"classifier\.0\.bias", "backbone.pre_logits.fc1.bias"),
            Rename(r"classifier\.3\.weight", "backbone.pre_logits.fc2.weight", (4096, 4096, 1, 1)),
            Rename(r"classifier\.3\.bias", "backbone.pre_logits.fc2.bias"),
            Drop(r"classifier\.6\..+", _CLASSIFIER),
        ),
    ),
    "mmdet": Format(
        "the backbone of an mmdetection 2 or 3 detector",
        (r"backbone\.conv1\.weight", r"(neck|bbox_head|rpn_head|roi_head)\..+"),
        (
            Rename(rf"backbone\.{_STAGES}", r"backbone.\1\2"),
            Drop(r"(neck|bbox_head|rpn_head|roi_head|mask_head)\..+", "the detector's own part"),
        ),
    ),
}


def find_format(names: Collection[str], wanted: str | None = None) -> str:
    """Return the format of a checkpoint by the names of its tensors, or check the one wanted.

    Raises:
        UsageError: the wanted one does not exist, or none or several fit.
    """
    if wanted is not None:
        if wanted not in FORMATS:
            raise UsageError(f"no format is called {wanted!r}", f"known: {', '.join(FORMATS)}")
        return wanted
    found = [name for name, format_ in FORMATS.items() if _knows(format_, names)]
    if "ap_gem" in found:  # its stages are named as torchvision's
        return "ap_gem"
    if len(found) != 1:
        shown = ", ".join(sorted(names)[:3])
        raise UsageError(
            f"the tensors ({shown}, …) look like {' and '.join(found) or 'no known format'}",
            f"give --format: {', '.join(FORMATS)}",
        )
    return found[0]


def _knows(format_: Format, names: Collection[str]) -> bool:
    return all(any(re.fullmatch(p, name) for name in names) for p in format_.known_by)
