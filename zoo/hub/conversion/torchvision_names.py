"""The way back: an embedder's backbone under torchvision's names."""

from collections.abc import Mapping

from torch import Tensor

from zoo.hub.conversion.rules import Drop, Rename, Rule, rename

_HEAD = Drop(r"(head|pooling)\..+", "torchvision's network has no such part")
_VGG: tuple[Rule, ...] = (
    Rename(r"backbone\.(features\..+)", r"\1"),
    Rename(r"backbone\.pre_logits\.fc1\.weight", "classifier.0.weight", (4096, 25088)),
    Rename(r"backbone\.pre_logits\.fc1\.bias", "classifier.0.bias"),
    Rename(r"backbone\.pre_logits\.fc2\.weight", "classifier.3.weight", (4096, 4096)),
    Rename(r"backbone\.pre_logits\.fc2\.bias", "classifier.3.bias"),
    _HEAD,
)
_RESNET: tuple[Rule, ...] = (Rename(r"backbone\.((conv1|bn1|layer[1-4])\..+)", r"\1"), _HEAD)


def torchvision_names(tensors: Mapping[str, Tensor], where: str) -> dict[str, Tensor]:
    """Return an embedder's backbone as torchvision's VGG or ResNet names it, without classifier.

    Raises:
        IntegrityError: it is neither.
    """
    rules = _VGG if any(name.startswith("backbone.features.") for name in tensors) else _RESNET
    return rename(tensors, rules, where).tensors
