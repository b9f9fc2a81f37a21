"""ROADMAP's calibration (decomposability) loss: absolute similarities across batches."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from zoo.losses.checks import Number, check_choice, check_finite
from zoo.losses.rank_loss import RankLoss, finest
from zoo.ranking.positives import Items, positives
from zoo.ranking.sweep import score_panels, sweep


def calibration(
    scores: Float[Tensor, "query gallery"], items: Items, alpha: Number = 0.9, beta: Number = 0.6
) -> tuple[Float[Tensor, "query item"], Float[Tensor, "query gallery"]]:
    """Return `relu(alpha - s)` of each positive and `relu(s - beta)` of each negative pair.

    Ramzi et al., ROADMAP, NeurIPS 2021, eq. 8. Pairs that do not exist are 0.

    >>> items = Items(torch.tensor([[0]]), torch.tensor([[True]]))
    >>> calibration(torch.tensor([[0.5, 0.7]]), items)
    (tensor([[0.4000]]), tensor([[0.0000, 0.1000]]))
    """
    own = scores.gather(1, items.columns).masked_fill(~items.listed, torch.inf)
    negatives = scores.scatter(1, items.columns, -torch.inf)
    return (alpha - own).relu(), (negatives - beta).relu()


class Calibration(RankLoss):
    """Positives above `alpha`, negatives below `beta`, by a hinge on either side.

    `reduce="violating"` averages over the pairs with a non-zero hinge, positives and negatives
    apart (the released code); `"all"` over all the pairs of each query (the paper).
    """

    def __init__(
        self,
        alpha: Number = 0.9,
        beta: Number = 0.6,
        reduce: str = "violating",
        *,
        query: str = "exclude",
        query_chunk: int | None = None,
    ) -> None:
        super().__init__(query=query, query_chunk=query_chunk)
        check_finite(alpha=alpha, beta=beta)
        check_choice("reduce", reduce, ("violating", "all"))
        self.alpha, self.beta, self.reduce = alpha, beta, reduce
        self.decomposes = reduce == "all"

    def values(
        self, scores: Float[Tensor, "query gallery"], items: Items
    ) -> Float[Tensor, " query"]:
        """Return each query's mean hinge over its positives plus that over its negatives."""
        positive, negative = calibration(scores, items, self.alpha, self.beta)
        found = items.listed.sum(dim=1)
        others = scores.isfinite().sum(dim=1) - found
        pull = positive.sum(dim=1) / found.clamp(min=1)
        push = negative.sum(dim=1) / others.clamp(min=1)
        return pull + push

    def mean_over(
        self,
        queries: Tensor,
        labels: Tensor,
        gallery: Tensor | None,
        gallery_labels: Tensor,
        own: Tensor | None,
        count_of: Callable[[Tensor], Tensor],
    ) -> Tensor:
        """Return the mean over all pairs, or over the violating ones: counted first, then swept."""
        if self.reduce == "all":
            return super().mean_over(queries, labels, gallery, gallery_labels, own, count_of)
        apart = None if self.query == "positive" else own
        items = positives(finest(labels), finest(gallery_labels), own=apart)
        valid = items.listed.any(dim=1)
        hidden, chunk = self.hidden(own), self.chunk(len(gallery_labels))
        violating = queries.new_zeros(2, dtype=torch.float64)
        others = (queries if gallery is None else gallery).detach()
        for rows, scores in score_panels(queries.detach(), others, hidden, chunk):
            for side, hinge in enumerate(calibration(scores, items[rows], self.alpha, self.beta)):
                violating[side] += ((hinge > 0) & valid[rows, None]).sum()
        per_positive, per_negative = (1 / max(1.0, float(count)) for count in violating)

        def row_loss(scores: Tensor, rows: slice) -> Tensor:
            positive, negative = calibration(scores, items[rows], self.alpha, self.beta)
            cost: Tensor = per_positive * positive.sum(dim=1) + per_negative * negative.sum(dim=1)
            return cost

        return sweep(queries, gallery, row_loss, valid.to(queries.dtype), hidden, chunk)
