"""PNP: penalise the negatives ranked before each positive."""

import torch
from jaxtyping import Float
from torch import Tensor

from zoo.errors import UsageError
from zoo.losses.checks import Number, check_choice, check_positive
from zoo.losses.rank_loss import RankLoss
from zoo.ranking.positives import Items, PerQuery, Scores
from zoo.ranking.step_sums import step_sums, without_items
from zoo.ranking.steps import SigmoidStep

B, ALPHA = 2.0, 4.0
HINT = "leave it out, or name that variant"
VARIANTS = ("O", "Iu", "Ib", "Ds", "Dq")


def penalty(
    ahead: Float[Tensor, "query item"], variant: str, b: Number, alpha: float
) -> Float[Tensor, "query item"]:
    """Return what `ahead` negatives cost: O the count, I* ever steeper, D* ever flatter.

    A flatter penalty improves positives that are near the top first.
    """
    if variant == "Iu":
        return (1 + ahead) * torch.log1p(ahead)
    if variant == "Ib":
        return (b * ahead - torch.log1p(b * ahead)) / b**2
    if variant == "Ds":
        return torch.log1p(ahead)
    return 1 - (1 + ahead) ** -alpha if variant == "Dq" else ahead


def pnp(
    scores: Scores,
    items: Items,
    variant: str = "Dq",
    tau: Number = 0.01,
    b: Number = B,
    alpha: Number = ALPHA,
) -> PerQuery:
    """Return the mean penalty of a query's positives for the negatives softly ahead of them.

    Li et al., Rethinking the Optimization of Average Precision, AAAI 2022.

    >>> items = Items(torch.tensor([[0]]), torch.tensor([[True]]))
    >>> pnp(torch.tensor([[0.5, 0.5]]), items, "O")
    tensor([0.5000])
    """
    ahead, _ = step_sums(scores, without_items(scores, items), items, SigmoidStep(tau))
    cost = penalty(ahead, variant, b, alpha) * items.listed
    return cost.sum(dim=1) / items.listed.sum(dim=1).clamp(min=1)


class PNP(RankLoss):
    """Mean PNP penalty; `variant` is O, Iu, Ib, Ds or Dq.

    `b` is Ib's parameter (2 unless given), `alpha` Dq's (4).

    Raises:
        UsageError: an unknown variant, or a parameter of another one.
    """

    def __init__(
        self,
        variant: str = "Dq",
        tau: Number = 0.01,
        b: Number | None = None,
        alpha: Number | None = None,
        *,
        query: str = "exclude",
        query_chunk: int | None = None,
    ) -> None:
        super().__init__(query=query, query_chunk=query_chunk)
        check_choice("variant", variant, VARIANTS)
        for name, given, owner in (("b", b, "Ib"), ("alpha", alpha, "Dq")):
            if given is not None and variant != owner:
                raise UsageError(f"{name}={given}: it is the parameter of variant {owner}", HINT)
        self.b, self.alpha = B if b is None else b, ALPHA if alpha is None else alpha
        check_positive(tau=tau, b=self.b, alpha=self.alpha)
        self.variant, self.tau = variant, tau

    def values(self, scores: Scores, items: Items) -> PerQuery:
        """Return the mean penalty of each query's positives."""
        return pnp(scores, items, self.variant, self.tau, self.b, self.alpha)
