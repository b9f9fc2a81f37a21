"""ROADMAP's calibration (decomposability) loss: absolute similarities across batches."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from zoo.losses.checks import Number, check_choice, check_finite
from zoo.losses.embedding_loss import Ranked, finest
from zoo.losses.rank_loss import RankLoss
from zoo.ranking.exact import count_ranked
from zoo.ranking.positives import Items, PerQuery, Scores, positives
from zoo.ranking.step_sums import plain_sums, threshold_sums
from zoo.ranking.steps import HardStep, HingeStep
from zoo.ranking.sweep import sweep


def calibration(
    scores: Scores, items: Items, alpha: Number = 0.9, beta: Number = 0.6
) -> tuple[PerQuery, PerQuery]:
    """Return the sums of `relu(alpha - s)` over the positives, `relu(s - beta)` over the rest.

    Ramzi et al., ROADMAP, NeurIPS 2021, eq. 8.

    >>> items = Items(torch.tensor([[0]]), torch.tensor([[True]]))
    >>> calibration(torch.tensor([[0.5, 0.7]]), items)
    (tensor([0.4000]), tensor([0.1000]))
    """
    own = scores.gather(1, items.columns).masked_fill(~items.listed, torch.inf)
    negatives = scores.scatter(1, items.columns, -torch.inf)
    push = threshold_sums(negatives, scores.new_full((1,), beta), HingeStep())[:, 0]
    return (alpha - own).relu().sum(dim=1), push


def count_violating(
    scores: Scores, items: Items, alpha: Number, beta: Number
) -> Float[Tensor, "query 2"]:
    """Return how many positives and how many negatives of each query have a hinge above 0."""
    own = scores.gather(1, items.columns)
    pulled = ((alpha - own > 0) & items.listed).sum(dim=1)
    all_pushed = plain_sums(
        scores, scores.new_full((1, 1), beta).expand(len(scores), 1), HardStep()
    )
    pushed = all_pushed[:, 0] - ((own - beta > 0) & items.listed).sum(dim=1)
    return torch.stack([pulled.to(scores.dtype), pushed], dim=1)


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

    def values(self, scores: Scores, items: Items) -> PerQuery:
        """Return each query's mean hinge over its positives plus that over its negatives."""
        positive, negative = calibration(scores, items, self.alpha, self.beta)
        found = items.listed.sum(dim=1)
        others = count_ranked(scores) - found
        cost: Tensor = positive / found.clamp(min=1) + negative / others.clamp(min=1)
        return cost

    def mean_over(self, batch: Ranked, count_of: Callable[[Tensor], Tensor]) -> Tensor:
        """Return the mean over all pairs, or over the violating ones: counted first, then swept."""
        if self.reduce == "all":
            return super().mean_over(batch, count_of)
        apart = None if self.query == "positive" else batch.own
        items = positives(finest(batch.labels), finest(batch.gallery_labels), own=apart)
        valid = items.listed.any(dim=1)
        swept = self.panels(batch)
        whole = swept.chunk >= len(batch.queries)
        panels = list(swept) if whole else swept  # multiplied once: counted, then swept
        violating = torch.zeros(2, dtype=torch.float64)
        for rows, scores in panels:
            found = count_violating(scores, items[rows], self.alpha, self.beta)
            violating += found[valid[rows]].sum(dim=0).cpu()
        per_positive, per_negative = (1 / max(1.0, float(count)) for count in violating)

        def row_loss(scores: Tensor, rows: slice) -> Tensor:
            positive, negative = calibration(scores, items[rows], self.alpha, self.beta)
            cost: Tensor = per_positive * positive + per_negative * negative
            return cost

        weights = valid.to(batch.queries.dtype)
        return sweep(batch.queries, batch.gallery, row_loss, weights, panels)
