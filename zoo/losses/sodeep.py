"""SoDeep: losses on the ranks that a frozen, differentiable sorter gives to scores.

Engilberge et al., SoDeep, CVPR 2019. Scores are standardised row by row before the sorter, which
leaves their ranks alone and gives learned sorters the inputs they were trained on.
"""

from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn

from zoo.errors import UsageError
from zoo.losses.checks import check_choice
from zoo.sorters import Sorter, exact_ranks, standardise
from zoo.sorters.slow_update import SlowUpdate
from zoo.sorters.store import ready_sorter


class SoDeepLoss(nn.Module):
    """What the three losses share: the sorter, frozen, and the standardisation before it.

    `sorter` is a `Sorter`, the name of one that needs no training or ships with the package, or
    the folder of a trained one. `slow_update` > 0 is the rate at which a learned sorter follows
    the scores it meets: call `update_sorter()` when it should, once an epoch for instance.
    """

    def __init__(
        self, sorter: Sorter | str | Path = "gaussian", *, slow_update: float = 0.0
    ) -> None:
        super().__init__()
        self.sorter = ready_sorter(sorter).requires_grad_(False)
        self.train(self.training)
        self._updater = SlowUpdate(self.sorter, rate=slow_update) if slow_update > 0 else None

    def ranks(self, scores: Float[Tensor, "batch length"]) -> Float[Tensor, "batch length"]:
        """Return differentiable normalised ranks of each row (best = 1 / length)."""
        wide = scores if scores.dtype == torch.float64 else scores.float()
        standard = standardise(wide)
        if self._updater is not None and self.training:
            self._updater.remember(standard)
        with torch.autocast(scores.device.type, enabled=False):
            return torch.as_tensor(self.sorter(standard))

    def update_sorter(self) -> float:
        """Fine-tune the sorter on the scores met since the last call; return its L1 error there.

        Raises:
            UsageError: the loss was made with a frozen sorter.
        """
        if self._updater is None:
            raise UsageError("this loss keeps its sorter frozen", "make it with slow_update=1e-5")
        return self._updater.update()

    def train(self, mode: bool = True) -> "SoDeepLoss":
        """Set the mode of everything but the sorter, whose batch norm must not learn.

        Its recurrent layers are the exception: cuDNN gives no gradient through one in eval mode.
        """
        super().train(mode)
        self.sorter.eval()
        for module in self.sorter.modules():
            if isinstance(module, nn.RNNBase):
                module.train()
        return self


class SoDeepSpearman(SoDeepLoss):
    """Mean squared distance of predicted and true ranks, of which Spearman's rho is 1 - const * it.

    `l1_weight` adds the L1 distance of the values themselves, the paper's first-epoch warm-up;
    set the attribute to change it between epochs.
    """

    def __init__(
        self,
        sorter: Sorter | str | Path = "gaussian",
        *,
        l1_weight: float = 0.0,
        slow_update: float = 0.0,
    ) -> None:
        super().__init__(sorter, slow_update=slow_update)
        self.l1_weight = l1_weight

    def forward(
        self, predictions: Float[Tensor, "*batch length"], targets: Float[Tensor, "*batch length"]
    ) -> Float[Tensor, ""]:
        """Return the loss of one vector of values, or the mean over a batch of them."""
        rows, wanted = _rows(predictions), _rows(targets)
        distance = (self.ranks(rows) - exact_ranks(wanted)).square().mean()
        return distance + self.l1_weight * (rows - wanted).abs().mean()


class SoDeepMAP(SoDeepLoss):
    """Ranks of the positives of each class over the batch: lower them and mAP rises.

    A proxy of mean average precision, added to a classification loss. `"mean"` averages over a
    class's positives, then over classes, so its size does not depend on the batch; `"sum"` adds
    everything, as the original does.
    """

    def __init__(
        self,
        sorter: Sorter | str | Path = "gaussian",
        *,
        reduction: str = "mean",
        slow_update: float = 0.0,
    ) -> None:
        super().__init__(sorter, slow_update=slow_update)
        check_choice("reduction", reduction, ("mean", "sum"))
        self.reduction = reduction

    def forward(self, scores: Float[Tensor, "image label"], targets: Tensor) -> Float[Tensor, ""]:
        """Return the loss; a class counts when some `targets > 0` in it, else it has no rank.

        A batch without any positive gives an exact 0. Entries of `targets` that are not above 0
        (negatives, or VOC's difficult marked -1) stay in the ranking as rivals.
        """
        if targets.shape != scores.shape:
            raise UsageError(
                f"targets {tuple(targets.shape)}, scores {tuple(scores.shape)}",
                "give one target for every score",
            )
        positive = targets > 0
        present = positive.any(0)
        if not present.any():
            return scores.sum() * 0
        placed = self.ranks(scores.T[present]) * positive.T[present]
        if self.reduction == "sum":
            return placed.sum()
        return (placed.sum(1) / positive.T[present].sum(1)).mean()


class SoDeepRecall(SoDeepLoss):
    """Ranks of matching pairs in a score matrix, in both directions (captions and images).

    `"sum"` is the mean rank of the matches, a proxy of recall. `"hard"` asks each match to be
    `margin` ahead of the best-ranked mismatch (eqs. 9 and 10), the form the paper trains COCO with.
    """

    def __init__(
        self,
        sorter: Sorter | str | Path = "gaussian",
        *,
        form: str = "hard",
        margin: float = 0.2,
        slow_update: float = 0.0,
    ) -> None:
        super().__init__(sorter, slow_update=slow_update)
        check_choice("form", form, ("sum", "hard"))
        self.form = form
        self.margin = margin

    def forward(self, scores: Float[Tensor, "item item"]) -> Float[Tensor, ""]:
        """Return the loss of square `scores` whose diagonal holds the matches."""
        return self._one_way(scores) + self._one_way(scores.T)

    def _one_way(self, scores: Tensor) -> Tensor:
        ranks = self.ranks(scores)
        matches = ranks.diagonal()
        if self.form == "sum":
            return matches.mean()
        own = torch.eye(len(ranks), dtype=torch.bool, device=ranks.device)
        rival = ranks.masked_fill(own, torch.inf).min(1).values
        return (self.margin + matches - rival).clamp_min(0).mean()


def _rows(values: Tensor) -> Tensor:
    return values.unsqueeze(0) if values.ndim == 1 else values.flatten(0, -2)
