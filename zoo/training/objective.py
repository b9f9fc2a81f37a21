"""What a batch of embeddings is judged by: the recipe's losses, SiMix, memory, all processes."""

import inspect
from typing import Any

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from zoo.errors import UsageError
from zoo.losses import LOSSES, CrossBatchMemory, simix
from zoo.losses.memory import MemoryOptions
from zoo.recipes.changes import check_losses
from zoo.recipes.recipe import LossTerm, Recipe
from zoo.training.distributed import World

Labels = Int64[Tensor, "batch level"]
Tree = Int64[Tensor, "class level"]


class Objective(nn.Module):
    """The weighted sum of the recipe's losses over the global batch, in float32.

    `tree` holds the class of every finest class at each level (`class_tree`). Each loss may see
    virtual items (SiMix) and past embeddings (cross-batch memory), of which a unique one has a
    place for each of `images` training images. `epoch` says when a memory begins to be used.

    Raises:
        UsageError: a loss refuses an option; virtual items in a memory of unique images.
    """

    epoch: int = 0

    def __init__(self, recipe: Recipe, world: World, tree: Tree, dim: int, images: int = 0) -> None:
        super().__init__()
        check_losses(recipe)
        terms = [term for term in (recipe.loss, recipe.extra_loss) if term is not None]
        losses = [build_loss(term, tree, dim) for term in terms]
        if recipe.memory:
            losses = [_remembering(recipe, loss, tree, dim, images) for loss in losses]
        self.losses = nn.ModuleList(losses)
        self.weights = [term.weight for term in terms]
        self.begins = recipe.memory_use.from_epoch
        self.world, self.flat, self.simix = world, tree.shape[1] == 1, recipe.batch.simix

    def forward(
        self,
        share: Float[Tensor, "share dim"],
        labels: Labels,
        items: Int64[Tensor, " batch"] | None = None,
    ) -> Float[Tensor, ""]:
        """Return the loss of this process's embeddings within the global batch.

        `labels` and `items` (positions in the training set) are those of the global batch.
        """
        points, shaped = self.world.gather(share), labels[:, 0] if self.flat else labels
        if self.simix:
            points, shaped = simix(points, shaped)
        values = [self._value(loss, points, shaped, items) for loss in self.losses]
        return torch.stack([w * value for w, value in zip(self.weights, values, strict=True)]).sum()

    def _value(self, loss: nn.Module, points: Tensor, labels: Tensor, items: Tensor | None) -> Any:
        if isinstance(loss, CrossBatchMemory):
            return loss(points, labels, items, use=self.epoch >= self.begins)
        return loss(points, labels)


def class_tree(labels: Int64[Tensor, "item level"]) -> Tree:
    """Return the labels of each finest class, numbered without gaps, at every level.

    >>> class_tree(torch.tensor([[1, 0], [0, 0], [1, 0], [2, 1]]))
    tensor([[0, 0],
            [1, 0],
            [2, 1]])
    """
    tree = labels.new_zeros(int(labels[:, 0].max()) + 1, labels.shape[1])
    tree[labels[:, 0]] = labels
    return tree


def _remembering(
    recipe: Recipe, loss: nn.Module, tree: Tree, dim: int, images: int
) -> CrossBatchMemory:
    use = recipe.memory_use
    if use.unique and recipe.batch.simix:
        raise UsageError(
            "a memory of unique images has no place for SiMix's virtual items",
            "set memory_use.unique=false, or batch.simix=false",
        )
    size = images if use.unique else recipe.memory
    options = MemoryOptions(unique=use.unique, join=use.join, levels=tree.shape[1])
    return CrossBatchMemory(loss, size, dim, options=options)


def build_loss(term: LossTerm, tree: Tree, dim: int) -> nn.Module:
    """Build a loss from its recipe; one with class proxies is told which, and how wide.

    Raises:
        UsageError: the loss refuses an option's value.
    """
    kind = LOSSES[term.name]
    known = inspect.signature(kind).parameters
    given: dict[str, Any] = {"classes": len(tree), "dim": dim, "tree": tree}
    options = {name: value for name, value in given.items() if name in known} | dict(term.options)
    try:
        loss: nn.Module = kind(**options)
    except (TypeError, ValueError) as error:
        raise UsageError(f"loss {term.name}: {error}", "see rankzoo train --show-config") from error
    return loss
