"""The two-part loss of a score recipe: each score for itself, and the ranks of all."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from zoo.losses.blackbox_ap import blackbox_ap
from zoo.losses.sodeep import SoDeepMAP, SoDeepSpearman
from zoo.ranking.blackbox import blackbox_rank
from zoo.ranking.positives import items_where
from zoo.recipes.scores import ScoreRecipe
from zoo.sorters import GaussianSorter, exact_ranks, standardise

# For scores of deviation 1, ours: with the 4 and .02 published for cosines, AP of 16 free scores
# stops at .75, with these it reaches 1.
LAM, MARGIN = 20.0, 0.5


class ScoreLoss(nn.Module):
    """`point_weight` x the loss of each score + `rank_weight` x the loss of the batch's ranks."""

    def __init__(self, recipe: ScoreRecipe) -> None:
        super().__init__()
        self.recipe = recipe
        kind = SoDeepMAP if recipe.task == "labels" else SoDeepSpearman
        parts = recipe.loss
        sorter = GaussianSorter(parts.resolution) if parts.sorter == "gaussian" else parts.sorter
        self.rank = kind(sorter) if parts.rank == "sodeep" else blackbox_distance

    def forward(
        self,
        scores: Float[Tensor, "image output"],
        targets: Float[Tensor, "image output"],
        ignored: Bool[Tensor, "image output"],
        epoch: int,
    ) -> Float[Tensor, ""]:
        """Return the loss of a batch; ranks join after `point_epochs`."""
        recipe = self.recipe.loss
        if recipe.rank_weight <= 0 or epoch < recipe.point_epochs:
            return (recipe.point_weight or 1.0) * self._point(scores, targets, ignored)
        total = recipe.rank_weight * self._rank(scores, targets)
        if recipe.point_weight > 0:
            total = total + recipe.point_weight * self._point(scores, targets, ignored)
        return total

    def _rank(self, scores: Tensor, targets: Tensor) -> Tensor:
        if self.recipe.task == "attribute":
            return torch.as_tensor(self.rank(scores.T, targets.T))
        if self.recipe.loss.rank == "sodeep":
            return torch.as_tensor(self.rank(scores, targets))
        present = (targets > 0).T
        present = present[present.any(1)]
        if not len(present):
            return scores.sum() * 0
        columns = standardise(scores.T[(targets > 0).any(0)])
        return blackbox_ap(columns, items_where(present), LAM, MARGIN).mean()

    def _point(self, scores: Tensor, targets: Tensor, ignored: Tensor) -> Tensor:
        match self.recipe.loss.point:
            case "soft_margin":
                each = binary_cross_entropy_with_logits(scores, targets, reduction="none")
            case "mse":
                each = (scores - targets).square()
            case "l1":
                each = (scores - targets).abs()
        kept = (~ignored).to(each.dtype)
        return (each * kept).sum() / kept.sum().clamp_min(1)


def blackbox_distance(
    values: Float[Tensor, "row item"], targets: Float[Tensor, "row item"], lam: float = 4.0
) -> Float[Tensor, ""]:
    """Return the mean squared distance of exact ranks over their number, as 1 - Spearman's rho is.

    Vlastelica et al., ICLR 2020. Values are standardised, so that `lam` has one meaning.
    """
    length = values.shape[1]
    ranks = blackbox_rank(standardise(values), lam * length) / length
    return (ranks - exact_ranks(targets)).square().mean()
