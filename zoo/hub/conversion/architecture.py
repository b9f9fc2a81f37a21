"""Which timm architecture a set of tensors belongs to, read off their names and shapes."""

import re
from collections.abc import Mapping

from torch import Tensor

from zoo.errors import UsageError

_RESNETS: dict[tuple[str, tuple[int, ...]], str] = {
    ("basic", (2, 2, 2, 2)): "resnet18",
    ("basic", (3, 4, 6, 3)): "resnet34",
    ("bottleneck", (3, 4, 6, 3)): "resnet50",
    ("bottleneck", (3, 4, 23, 3)): "resnet101",
    ("bottleneck", (3, 8, 36, 3)): "resnet152",
}
_WIDTHS = {192: "tiny", 384: "small", 768: "base", 1024: "large"}
_VGG_CONVOLUTIONS = {8: "vgg11", 10: "vgg13", 13: "vgg16", 16: "vgg19"}


def find_architecture(tensors: Mapping[str, Tensor]) -> str:
    """Return the timm name of a backbone whose tensors are named `backbone.*`.

    Raises:
        UsageError: it is none of the ResNets, VGGs and ViTs known here.
    """
    names = {name.removeprefix("backbone."): tensor for name, tensor in tensors.items()}
    for found in (_resnet(names), _vision_transformer(names), _vgg(names)):
        if found is not None:
            return found
    raise UsageError("the architecture cannot be read off the tensors", "give --architecture")


def _resnet(names: Mapping[str, Tensor]) -> str | None:
    blocks = [
        len({n.split(".")[1] for n in names if n.startswith(f"layer{s}.")}) for s in range(1, 5)
    ]
    kind = "bottleneck" if "layer1.0.conv3.weight" in names else "basic"
    return _RESNETS.get((kind, (blocks[0], blocks[1], blocks[2], blocks[3])))


def _vision_transformer(names: Mapping[str, Tensor]) -> str | None:
    patches = names.get("patch_embed.proj.weight")
    if patches is None or patches.shape[0] not in _WIDTHS:
        return None
    patch = patches.shape[-1]
    grid = round((names["pos_embed"].shape[1] - 1) ** 0.5)
    return f"vit_{_WIDTHS[patches.shape[0]]}_patch{patch}_{grid * patch}"


def _vgg(names: Mapping[str, Tensor]) -> str | None:
    kernels = [
        n for n, t in names.items() if re.fullmatch(r"features\.\d+\.weight", n) and t.ndim == 4
    ]
    normalised = any(n.endswith("running_mean") for n in names)
    name = _VGG_CONVOLUTIONS.get(len(kernels))
    return f"{name}_bn" if name and normalised else name
