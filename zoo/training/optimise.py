"""Parameter groups, learning rates, batch-norm modes: what a recipe's numbers mean."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from zoo.errors import DivergedError, UsageError
from zoo.models.embedder import Embedder
from zoo.recipes.recipe import Optimiser, Recipe, Schedule


def build_optimiser(model: Embedder, recipe: Optimiser) -> Optimizer:
    """Return the optimiser over two groups: the backbone, then pooling and head."""
    backbone = list(model.backbone.parameters())
    known = {id(parameter) for parameter in backbone}
    head = [parameter for parameter in model.parameters() if id(parameter) not in known]
    groups: list[dict[str, Any]] = [
        {"params": backbone, "factor": 1.0, "name": "backbone"},
        {"params": head, "factor": recipe.head_lr, "name": "head"},
    ]
    rate, decay = recipe.lr, recipe.weight_decay
    match recipe.name:
        case "sgd":
            return torch.optim.SGD(groups, rate, 0.9, weight_decay=decay, nesterov=True)
        case "adam":
            return torch.optim.Adam(groups, rate, weight_decay=decay)
        case "adamw":
            return torch.optim.AdamW(groups, rate, weight_decay=decay)


def learning_rate(
    schedule: Schedule, base: float, final: float, step: int, steps: int, steps_per_epoch: int
) -> float:
    """Return the rate of update number `step` (from 0) of `steps`.

    >>> cosine = Schedule(kind="cosine")
    >>> [round(learning_rate(cosine, 1.0, 0.0, step, 4, 1), 3) for step in range(5)]
    [1.0, 0.854, 0.5, 0.146, 0.0]
    """
    if schedule.kind == "cosine":
        return final + (base - final) * (1 + math.cos(math.pi * step / steps)) / 2
    epoch = step // steps_per_epoch
    return base * schedule.decay ** sum(epoch >= border for border in schedule.decay_at)


def set_rates(
    optimiser: Optimizer, recipe: Recipe, step: int, steps: int, steps_per_epoch: int
) -> float:
    """Set every group's rate for update number `step`; return the backbone's."""
    base, final = recipe.optimiser.lr, recipe.schedule.final_lr
    rate = learning_rate(recipe.schedule, base, final, step, steps, steps_per_epoch)
    for group in optimiser.param_groups:
        group["lr"] = rate * group["factor"]
    return rate


def build_loss_optimiser(losses: Iterable[nn.Module], recipe: Recipe) -> Optimizer | None:
    """Return Adam over the parameters of the losses, each at its own rate; None if there are none.

    The rate follows the schedule from a term's `lr` to its `final_lr`.
    """
    terms = [term for term in (recipe.loss, recipe.extra_loss) if term is not None]
    groups: list[dict[str, Any]] = []
    for term, loss in zip(terms, losses, strict=True):
        if own := list(loss.parameters()):
            groups.append({"params": own, "lr": term.lr, "base": term.lr, "final": term.final_lr})
    return torch.optim.Adam(groups) if groups else None


def set_loss_rates(
    optimiser: Optimizer, schedule: Schedule, step: int, steps: int, steps_per_epoch: int
) -> None:
    """Set the rates of the losses' own parameters for update number `step`."""
    for group in optimiser.param_groups:
        borders = (group["base"], group["final"])
        group["lr"] = learning_rate(schedule, *borders, step, steps, steps_per_epoch)


def set_modes(model: Embedder, recipe: Recipe, epoch: int) -> None:
    """Put the model in training mode as the recipe says for this epoch.

    The backbone rests during `frozen_epochs`, the parts in `network.frozen` always; batch norms
    follow `network.batch_norm`.
    """
    model.train()
    model.backbone.requires_grad_(epoch >= recipe.schedule.frozen_epochs)
    for parameter in frozen_parameters(model.backbone, recipe.network.frozen):
        parameter.requires_grad_(False)
    kept = recipe.network.batch_norm
    for module in batch_norms(model):
        module.train(kept == "train")
        if kept == "fixed":
            module.requires_grad_(False)


def frozen_parameters(backbone: nn.Module, names: Sequence[str]) -> list[nn.Parameter]:
    """Return the parameters whose names begin with one of `names` ("blocks.1" is not "blocks.10").

    Raises:
        UsageError: a name fits no parameter.
    """
    found = []
    for name in names:
        own = [p for key, p in backbone.named_parameters() if f"{key}.".startswith(f"{name}.")]
        if not own:
            parts = ", ".join(dict.fromkeys(_part(key) for key, _ in backbone.named_parameters()))
            raise UsageError(
                f"network.frozen: the backbone has no part {name!r}", f"it has {parts}"
            )
        found += own
    return found


def _part(key: str) -> str:
    """Return the name of the top part a parameter is in: "blocks.3.0.conv.weight" is "blocks.3"."""
    first, *rest = key.split(".")
    return f"{first}.{rest[0]}" if rest and rest[0].isdigit() else first


def batch_norms(model: nn.Module) -> Iterable[nn.Module]:
    """Yield the batch-norm layers of a model."""
    kind = nn.modules.batchnorm._BatchNorm
    return (module for module in model.modules() if isinstance(module, kind))


def clip_gradients(model: nn.Module, limit: float | None) -> None:
    """Scale the gradient down to `limit` in norm, if one is set."""
    if limit is not None:
        nn.utils.clip_grad_norm_(model.parameters(), limit)


CALMER = "lower optimiser.lr, set optimiser.clip_norm, or use engine.precision=float32"


def check_finite(loss: float, step: int) -> None:
    """Raise when training has diverged."""
    if not math.isfinite(loss):
        raise DivergedError(f"the loss is {loss} near step {step}", CALMER)


def check_finite_embeddings(points: Tensor, step: int) -> None:
    """Raise when training has diverged so far that there is nothing to validator."""
    if not points.isfinite().all():
        raise DivergedError(f"the embeddings are not finite at step {step}", CALMER)
