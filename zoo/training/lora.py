"""Low-rank adapters beside a backbone's weights, which stay: trained alone, merged when kept.

Hu et al., LoRA, ICLR 2022: a layer of weight W computes W x + alpha / rank · B A x, and B begins as
zero. The adapters are those of `peft`; a model that is kept is a plain one of weight
W + alpha / rank · B A, which opens wherever the one without adapters does.
"""

import copy
import re
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

from torch import nn

from zoo.errors import UsageError
from zoo.recipes.recipe import Lora
from zoo.training.step import replayable

Model = TypeVar("Model", bound=nn.Module)
MARK = ".lora_"  # in the name of every parameter of an adapter


def check_lora(backbone: nn.Module, lora: Lora) -> None:
    """Raise unless a backbone can have the adapters, and peft is here; `rank` 0 asks for none.

    Raises:
        UsageError: naming the number out of range, the missing package, or the part it lacks.
    """
    if not lora.rank:
        if lora != Lora():
            raise UsageError("lora: there are no adapters without a rank", "--set lora.rank=8")
        return
    if lora.rank < 0 or lora.alpha <= 0 or not 0 <= lora.dropout < 1:
        raise UsageError(f"{lora}", "rank above 0, alpha above 0, dropout from 0 to below 1")
    try:
        import peft  # noqa: F401
    except ImportError as error:
        raise UsageError("lora.rank needs peft", "pip install 'rankzoo[lora]'") from error
    for tower in towers(backbone):
        adaptable(tower, lora.targets)


def adapt(backbone: nn.Module, lora: Lora, seed: int) -> None:
    """Put adapters beside the layers that the recipe names, drawn from `seed`, where it wants any.

    Raises:
        UsageError: as `check_lora`.
    """
    check_lora(backbone, lora)
    if not lora.rank:
        return
    from peft import LoraConfig, inject_adapter_in_model

    for tower in towers(backbone):
        names = "|".join(re.escape(name) for name in adaptable(tower, lora.targets))
        config = LoraConfig(
            r=lora.rank, lora_alpha=lora.alpha, lora_dropout=lora.dropout, target_modules=names
        )
        with replayable(seed):
            inject_adapter_in_model(config, tower)


def adaptable(tower: nn.Module, targets: Iterable[str]) -> list[str]:
    """Return the names of a network's layers that get an adapter.

    A target is a whole name or its end ("qkv"). Without targets these are all linear layers, or
    all convolutions of a network without any; an attention of torch's own reads its weights
    itself, and is left out.

    Raises:
        UsageError: a target fits no layer that can have one, or there is none.
    """
    fused = tuple(
        f"{name}."
        for name, part in tower.named_modules()
        if isinstance(part, nn.MultiheadAttention)
    )
    layers = {n: m for n, m in tower.named_modules() if not (fused and n.startswith(fused))}
    linear = [name for name, layer in layers.items() if isinstance(layer, nn.Linear)]
    plain = [n for n, m in layers.items() if isinstance(m, nn.Conv2d) and m.groups == 1]
    if not targets:
        if not linear and not plain:
            raise UsageError(f"lora: {type(tower).__name__} has no layer that can have an adapter")
        return linear or plain
    found: list[str] = []
    for target in targets:
        own = [name for name in linear + plain if f".{name}".endswith(f".{target}")]
        if not own:
            ends = ", ".join(dict.fromkeys(name.rsplit(".", 1)[-1] for name in linear + plain))
            raise UsageError(f"lora.targets: no layer is called {target!r}", f"it has {ends}")
        found += own
    return list(dict.fromkeys(found))


def adapters(backbone: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
    """Yield the parameters of a backbone's adapters, with their names."""
    return ((n, p) for n, p in backbone.named_parameters() if MARK in n)


def hold_base(backbone: nn.Module) -> None:
    """Let nothing but the adapters be trained, in a backbone that has some."""
    if any(True for _ in adapters(backbone)):
        for name, parameter in backbone.named_parameters():
            if MARK not in name:
                parameter.requires_grad_(False)


def check_used(backbone: nn.Module) -> None:
    """Raise after a gradient that did not reach an adapter which is to be trained.

    Raises:
        UsageError: the network reads the weights of a layer without calling the layer.
    """
    for name, parameter in adapters(backbone):
        if parameter.requires_grad and parameter.grad is None:
            layer = name.split(MARK)[0]
            raise UsageError(
                f"lora: the network does not call {layer}, so its adapter learns nothing",
                "name other layers in lora.targets",
            )


def merged(model: Model) -> Model:
    """Return a copy whose adapters are added to the weights; a model without any is returned."""
    if not any(True for _ in adapters(model)):
        return model
    from peft.tuners.tuners_utils import BaseTunerLayer

    found = copy.deepcopy(model)
    for name, layer in list(found.named_modules()):
        if isinstance(layer, BaseTunerLayer):
            whole: Any = layer
            whole.merge(safe_merge=True)
            found.set_submodule(name, whole.get_base_layer())
    return found


def towers(backbone: nn.Module) -> list[nn.Module]:
    """Return the networks of a backbone: the image's, or the image's and the text's."""
    return list(backbone.children()) if isinstance(backbone, nn.ModuleDict) else [backbone]
