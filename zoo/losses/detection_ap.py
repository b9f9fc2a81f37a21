"""AP-loss for detectors: Chen et al., Towards Accurate One-Stage Object Detection, CVPR 2019."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from zoo.device import needs_doubles
from zoo.losses.detection_ranks import check_logits, detection_ranks, with_gradient


@needs_doubles
def detection_ap(
    logits: Float[Tensor, "*anchor"], is_positive: Bool[Tensor, "*anchor"], delta: float = 1.0
) -> Float[Tensor, ""]:
    """Return 1 - interpolated AP of all logits of the batch, with AP-loss's assigned gradient.

    The precision of a positive is replaced by the largest one at or below its score (the running
    maximum over ascending positives); the negatives share the error of each positive in
    proportion to the ramp. Without a positive the loss is a zero that back-propagates.

    >>> detection_ap(torch.tensor([2.0, 1.0, -1.0]), torch.tensor([True, False, False]))
    tensor(0.)
    """
    checked = check_logits(logits, is_positive, delta)
    if not bool(is_positive.any()):
        return checked.sum() * 0
    ranks = detection_ranks(checked, is_positive, delta)
    precision = ranks.among_positives / ranks.rank
    interpolated = precision.cummax(dim=0).values
    share = torch.where(precision < interpolated, (1 - interpolated) / (1 - precision), 1.0)
    gradient = ranks.scatter(checked, interpolated - 1, ranks.spread(share / ranks.rank))
    return with_gradient(1 - interpolated.mean(), checked, gradient)


class DetectionAP(nn.Module):
    """`detection_ap` as a module; `delta` is the half-width of the ramp that replaces the step."""

    def __init__(self, delta: float = 1.0) -> None:
        super().__init__()
        self.delta = delta

    def forward(
        self, logits: Float[Tensor, "*anchor"], is_positive: Bool[Tensor, "*anchor"]
    ) -> Float[Tensor, ""]:
        """Return the loss of one mini-batch; shapes as in `detection_ap`."""
        return detection_ap(logits, is_positive, self.delta)
