"""Parameter groups, learning rates, batch-norm modes: what a recipe's numbers mean."""

import logging
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from zoo.errors import DivergedError
from zoo.losses.checks import NORM_TOLERANCE
from zoo.models.kinds import AnyEmbedder
from zoo.models.two_towers import TwoTowers
from zoo.recipes.recipe import Optimiser, Recipe, Schedule
from zoo.training.layers import frozen_parameters, layer_factors
from zoo.training.lora import hold_base

LOG = logging.getLogger("rankzoo")


@dataclass(frozen=True)
class Moment:
    """Where a run stands: update number `step` (from 0) of `steps`, in `epoch` (from 0)."""

    step: int
    steps: int
    epoch: int


def build_optimiser(model: AnyEmbedder, recipe: Optimiser) -> Optimizer:
    """Return the optimiser over the backbone's groups, its last layer first, then pooling and head.

    The backbone is one group unless `layer_decay` tells its layers apart.

    Raises:
        UsageError: there is such a decay, and timm knows no layers of the backbone.
    """
    factors = layer_factors(model.backbone, recipe.layer_decay)
    backbone = dict(model.backbone.named_parameters())
    known = {id(parameter) for parameter in backbone.values()}
    head = [parameter for parameter in model.parameters() if id(parameter) not in known]
    if not head and recipe.head_lr != 1:
        LOG.warning(
            "optimiser.head_lr=%g says nothing here: pooling and head have nothing to train",
            recipe.head_lr,
        )
    groups: list[dict[str, Any]] = [
        *(
            {
                "params": [backbone[name] for name in backbone if factors[name] == layer],
                "factor": 1.0,
                "layer": layer,
                "name": "backbone",
            }
            for layer in sorted(set(factors.values()), reverse=True)
        ),
        {"params": head, "factor": recipe.head_lr, "name": "head"},
    ]
    return _optimiser(recipe.name, groups, recipe.lr, recipe.weight_decay)


def learning_rate(schedule: Schedule, base: float, final: float, now: Moment) -> float:
    """Return the rate of an update; a warm-up multiplies it by the share of it that is made.

    >>> cosine = Schedule(kind="cosine")
    >>> [round(learning_rate(cosine, 1.0, 0.0, Moment(step, 4, step)), 3) for step in range(5)]
    [1.0, 0.854, 0.5, 0.146, 0.0]
    """
    warm = min(1.0, (now.step + 1) / max(1, schedule.warmup_steps))
    return warm * _unwarmed_rate(schedule, base, final, now)


def _unwarmed_rate(schedule: Schedule, base: float, final: float, now: Moment) -> float:
    epoch = now.epoch
    if schedule.paused:
        epoch = max(0, epoch - schedule.frozen_epochs)
    if schedule.kind == "cosine":
        share = epoch / schedule.epochs if schedule.per == "epoch" else now.step / now.steps
        return final + (base - final) * (1 + math.cos(math.pi * share)) / 2
    return base * schedule.decay ** sum(epoch >= border for border in schedule.decay_at)


def set_rates(optimiser: Optimizer, recipe: Recipe, now: Moment) -> float:
    """Set every group's rate for an update; return the backbone's.

    A cosine ends at the same `final_lr` in backbone and head, times each layer's factor.
    """
    final = recipe.schedule.final_lr
    for group in optimiser.param_groups:
        base = recipe.optimiser.lr * group["factor"]
        layer = group.get("layer", 1.0)  # checkpoints from before know none
        group["lr"] = layer * learning_rate(recipe.schedule, base, final, now)
    return float(optimiser.param_groups[0]["lr"])


def build_loss_optimisers(losses: Iterable[nn.Module], recipe: Recipe) -> list[Optimizer]:
    """Return the optimisers of the losses' own parameters, one for each loss that has any.

    The rate follows the schedule from a term's `lr` to its `final_lr`.
    """
    terms = [term for term in (recipe.loss, recipe.extra_loss) if term is not None]
    found = []
    for term, loss in zip(terms, losses, strict=True):
        if own := list(loss.parameters()):
            group = {"params": own, "base": term.lr, "final": term.final_lr}
            found.append(_optimiser(term.optimiser, [group], term.lr, term.weight_decay))
    return found


def set_loss_rates(optimisers: Iterable[Optimizer], schedule: Schedule, now: Moment) -> None:
    """Set the rates of the losses' own parameters for an update."""
    for optimiser in optimisers:
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(schedule, group["base"], group["final"], now)


def _optimiser(name: str, groups: list[dict[str, Any]], lr: float, decay: float) -> Optimizer:
    match name:
        case "sgd":
            return torch.optim.SGD(groups, lr, 0.9, weight_decay=decay, nesterov=True)
        case "adam":
            return torch.optim.Adam(groups, lr, weight_decay=decay)
        case _:
            return torch.optim.AdamW(groups, lr, weight_decay=decay)


def set_modes(model: AnyEmbedder, recipe: Recipe, epoch: int) -> None:
    """Put the model in training mode as the recipe says for this epoch.

    The backbone rests during `frozen_epochs`, the text tower during its own, the image network's
    parts in `network.frozen` always, and all but the adapters where there are some; batch norms
    follow `network.batch_norm`.
    """
    model.train().requires_grad_(True)
    model.backbone.requires_grad_(epoch >= recipe.schedule.frozen_epochs)
    image = model.image if isinstance(model, TwoTowers) else model
    for parameter in frozen_parameters(image.backbone, recipe.network.frozen):
        parameter.requires_grad_(False)
    resting = recipe.captions.frozen_epochs if recipe.captions else 0
    if isinstance(model, TwoTowers) and epoch < resting:
        model.text.requires_grad_(False)
    hold_base(model.backbone)
    kept = recipe.network.batch_norm
    for module in batch_norms(model):
        module.train(kept == "train")
        if kept == "fixed":
            module.requires_grad_(False)


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
    """Raise when training has diverged so far that there is nothing to rank."""
    if not points.isfinite().all():
        raise DivergedError(f"the embeddings are not finite at step {step}", CALMER)


def check_directions(points: Tensor, dim: int, step: int) -> None:
    """Raise when the network gives nothing for an image or text: zeros, which no length mends.

    An image and its text lie side by side, `dim` numbers each.
    """
    lengths = torch.linalg.vector_norm(points.detach().reshape(-1, dim), dim=1)
    if dead := int((lengths < NORM_TOLERANCE[torch.float32]).sum()):
        raise DivergedError(
            f"{dead} of {len(lengths)} embeddings are zero at step {step}: they have no direction",
            f"{CALMER}; at the first steps, give larger images (network.size) or network.dim",
        )
