"""What a batch of embeddings is judged by: the recipe's losses, SiMix, memory, all processes."""

import inspect
from typing import Any

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from zoo.errors import UsageError
from zoo.losses import LOSSES, CrossBatchMemory, simix
from zoo.recipes.recipe import LossTerm, Recipe
from zoo.recipes.values import check_losses
from zoo.training.distributed import World

Labels = Int64[Tensor, "batch level"]


class Objective(nn.Module):
    """The weighted sum of the recipe's losses over the global batch, in float32.

    `levels` is the number of label columns. Each loss may see virtual items (SiMix) and past
    embeddings (cross-batch memory); the virtual ones are ranked and remembered like the others.
    """

    def __init__(
        self, recipe: Recipe, world: World, classes: int, dim: int, levels: int = 1
    ) -> None:
        super().__init__()
        check_losses(recipe)
        terms = [term for term in (recipe.loss, recipe.extra_loss) if term is not None]
        losses = [build_loss(term, classes, dim) for term in terms]
        if recipe.memory:
            size = recipe.memory
            losses = [CrossBatchMemory(loss, size, dim, levels=levels) for loss in losses]
        self.losses = nn.ModuleList(losses)
        self.weights = [term.weight for term in terms]
        self.world, self.flat, self.simix = world, levels == 1, recipe.batch.simix

    def forward(self, share: Float[Tensor, "share dim"], labels: Labels) -> Float[Tensor, ""]:
        """Return the loss of this process's share of the global batch, whose labels are given."""
        points, shaped = self.world.gather(share), labels[:, 0] if self.flat else labels
        if self.simix:
            points, shaped = simix(points, shaped)
        pairs = zip(self.weights, self.losses, strict=True)
        return torch.stack([weight * loss(points, shaped) for weight, loss in pairs]).sum()


def build_loss(term: LossTerm, classes: int, dim: int) -> nn.Module:
    """Build a loss from its recipe; one with class proxies is told how many, and how wide.

    Raises:
        UsageError: the loss refuses an option's value.
    """
    kind = LOSSES[term.name]
    known = inspect.signature(kind).parameters
    given: dict[str, Any] = {"classes": classes, "dim": dim}
    options = {name: value for name, value in given.items() if name in known} | dict(term.options)
    try:
        loss: nn.Module = kind(**options)
    except (TypeError, ValueError) as error:
        raise UsageError(f"loss {term.name}: {error}", "see rankzoo train --show-config") from error
    return loss
