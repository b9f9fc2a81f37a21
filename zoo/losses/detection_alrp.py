"""Average localisation-recall-precision loss: Oksuz et al., aLRP Loss, NeurIPS 2020."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from zoo.device import needs_doubles
from zoo.errors import UsageError
from zoo.losses.detection_ranks import check_logits, detection_ranks, ramp_sums, with_gradient

FEWEST_FALSE_POSITIVES = 1e-5  # below this a positive is where it should be: no update


@needs_doubles
def detection_alrp(
    logits: Float[Tensor, "*anchor"],
    is_positive: Bool[Tensor, "*anchor"],
    localisation_error: Float[Tensor, " positive"],
    delta: float = 1.0,
) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """Return the classification and the localisation part of aLRP.

    `localisation_error` is `(1 - IoU) / (2 (1 - tau))` of each positive (1 - GIoU at tau = 1/2), in
    the order of `logits[is_positive]`. The first part carries the assigned gradient of the logits,
    in which badly localised positives above a positive weigh on it as negatives do; the second is
    differentiable in `localisation_error` only. Without a positive both are zeros that
    back-propagate.
    """
    checked = check_logits(logits, is_positive, delta)
    if localisation_error.shape == logits.shape:
        localisation_error = localisation_error[is_positive]
    count = int(is_positive.sum())
    if localisation_error.numel() != count:
        message = f"{localisation_error.numel()} localisation errors for {count} positives"
        raise UsageError(message, "give one per positive, in the order of logits[is_positive]")
    if count == 0:
        return checked.sum() * 0, localisation_error.sum() * 0
    ranks = detection_ranks(checked, is_positive, delta)
    place = (is_positive.flatten().cumsum(dim=0) - 1)[ranks.order]
    sorted_error = localisation_error[place]
    above = ramp_sums(ranks.positives, ranks.positives, delta, sorted_error.detach().double())
    blame = above - sorted_error.detach() / 2 + ranks.false_positives  # no positive blames itself
    counts = ranks.false_positives > FEWEST_FALSE_POSITIVES
    update = torch.where(counts, blame / ranks.rank, 0.0)
    share = torch.where(counts, update / ranks.false_positives, 0.0)
    gradient = ranks.scatter(checked, -update, ranks.spread(share))
    precision = ranks.among_positives / ranks.rank
    classification = with_gradient(1 - precision.mean(), checked, gradient)
    return classification, _localisation(sorted_error, ranks.rank)


def _localisation(
    error: Float[Tensor, " positive"], rank: Float[Tensor, " positive"]
) -> Float[Tensor, ""]:
    cumulated = error.flip(0).cumsum(dim=0)  # from the best score down
    return (cumulated / rank.flip(0).to(error.dtype)).mean()


class DetectionALRP(nn.Module):
    """`detection_alrp` as a module; `delta` is the half-width of the ramp."""

    def __init__(self, delta: float = 1.0) -> None:
        super().__init__()
        self.delta = delta

    def forward(
        self,
        logits: Float[Tensor, "*anchor"],
        is_positive: Bool[Tensor, "*anchor"],
        localisation_error: Float[Tensor, " positive"],
    ) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
        """Return (classification, localisation); shapes as in `detection_alrp`."""
        return detection_alrp(logits, is_positive, localisation_error, self.delta)
