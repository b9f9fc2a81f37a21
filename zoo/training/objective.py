"""What a batch of embeddings is judged by: the recipe's losses, SiMix, memory, all processes."""

import inspect
from typing import Any

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from zoo.errors import UsageError
from zoo.losses import LOSSES
from zoo.recipes.recipe import LossTerm, Recipe
from zoo.recipes.values import check_losses
from zoo.training.distributed import World

Points = Float[Tensor, "batch dim"]
Labels = Int64[Tensor, "batch level"]


class Objective(nn.Module):
    """The weighted sum of the recipe's losses over the global batch, in float32.

    With a memory, each loss is averaged with the same loss against the remembered embeddings
    (cross-batch memory, Wang et al., CVPR 2020); a batch enters the memory after it was judged.
    """

    def __init__(self, recipe: Recipe, world: World, classes: int, dim: int) -> None:
        super().__init__()
        check_losses(recipe)
        terms = [term for term in (recipe.loss, recipe.extra_loss) if term is not None]
        self.losses = nn.ModuleList([build_loss(term, classes, dim) for term in terms])
        self.weights = [term.weight for term in terms]
        self.world, self.flat = world, recipe.data.levels == 1
        self.simix = recipe.batch.simix
        self.memory_points: Tensor
        self.memory_labels: Tensor
        self.register_buffer("memory_points", torch.zeros(recipe.memory, dim))
        self.register_buffer("memory_labels", torch.full((recipe.memory, recipe.data.levels), -1))

    def forward(self, share: Float[Tensor, "share dim"], labels: Labels) -> Float[Tensor, ""]:
        """Judge this process's embeddings within the global batch, whose labels are given."""
        points = self.world.gather(share)
        value = self._judge(*self._mixed(points, labels))
        if len(self.memory_points):
            held = self.memory_labels[:, 0] >= 0
            if held.any():
                past = self._shaped(self.memory_labels[held])
                against = self._judge(points, self._shaped(labels), self.memory_points[held], past)
                value = (value + against) / 2
            self._remember(points.detach(), labels)
        return value

    def _mixed(self, points: Points, labels: Labels) -> tuple[Tensor, Tensor]:
        return points, self._shaped(labels)

    def _judge(self, *arguments: Tensor) -> Float[Tensor, ""]:
        pairs = zip(self.weights, self.losses, strict=True)
        values = [weight * loss(*arguments) for weight, loss in pairs]
        return torch.stack(values).sum()

    def _shaped(self, labels: Labels) -> Tensor:
        return labels[:, 0] if self.flat else labels

    def _remember(self, points: Points, labels: Labels) -> None:
        """Put the batch at the head of the memory, the oldest fall out."""
        size = len(self.memory_points)
        self.memory_points = torch.cat([points, self.memory_points])[:size].contiguous()
        self.memory_labels = torch.cat([labels, self.memory_labels])[:size].contiguous()


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
