"""AP of a detector's scores by blackbox differentiation: Rolinek et al., CVPR 2020 (RaMBO)."""

from collections import deque

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from zoo.errors import UsageError
from zoo.ranking import blackbox_rank


def detection_blackbox_ap(
    scores: Float[Tensor, "box label"],
    is_positive: Bool[Tensor, "box label"],
    lam: float = 0.5,
    margin: float = 0.15,
    inter_class: float = 1 / 3,
) -> Float[Tensor, ""]:
    """Return `(1 - inter_class) (1 - mAP) + inter_class (1 - APC)` with exact ranks.

    mAP ranks the boxes of each label that occurs; APC ranks all (box, label) pairs in one list, so
    that scores of different labels can be compared: 2 : 1 at the default. Positives are lowered
    and negatives raised by half the margin before ranking. `lam` is the published one, for ranks
    divided by the length of their list. Without a positive the loss is a zero that
    back-propagates.
    """
    per_label = label_ap_loss(scores, is_positive, lam, margin)
    across = across_ap_loss(scores, is_positive, lam, margin)
    return (1 - inter_class) * per_label + inter_class * across


def label_ap_loss(
    scores: Float[Tensor, "box label"],
    is_positive: Bool[Tensor, "box label"],
    lam: float,
    margin: float,
) -> Float[Tensor, ""]:
    """Return 1 - mAP: each label that occurs ranks the boxes."""
    if not bool(is_positive.any()):
        return scores.sum() * 0
    shifted, present = _shifted(scores, is_positive, margin), is_positive.any(dim=0)
    return 1 - _average_precision(shifted.T[present], is_positive.T[present], lam).mean()


def across_ap_loss(
    scores: Float[Tensor, "box label"],
    is_positive: Bool[Tensor, "box label"],
    lam: float,
    margin: float,
) -> Float[Tensor, ""]:
    """Return 1 - APC: all (box, label) pairs in one list."""
    if not bool(is_positive.any()):
        return scores.sum() * 0
    pairs = _shifted(scores, is_positive, margin).reshape(1, -1)
    return 1 - _average_precision(pairs, is_positive.reshape(1, -1), lam).mean()


def _shifted(scores: Tensor, is_positive: Tensor, margin: float) -> Tensor:
    scores = scores if scores.dtype == torch.float64 else scores.float()
    return scores + margin * (0.5 - is_positive.to(scores.dtype))


def _average_precision(
    scores: Float[Tensor, "list item"], is_positive: Bool[Tensor, "list item"], lam: float
) -> Float[Tensor, " list"]:
    ranks = blackbox_rank(scores, lam * scores.shape[-1])
    with torch.no_grad():  # the order among positives is a matter of indifference
        of_positives = torch.where(is_positive, ranks, torch.inf).sort(dim=-1).values
        among = torch.searchsorted(of_positives, ranks.contiguous()) + 1
    precision: Tensor = (is_positive * among / ranks).sum(dim=-1) / is_positive.sum(dim=-1)
    return precision


class DetectionBlackboxAP(nn.Module):
    """`detection_blackbox_ap` with a memory of the scores of the last `memory` batches.

    Remembered scores lengthen every label's ranking, which makes a batch's AP less optimistic; they
    carry no gradient. The list across labels holds the current batch alone, as the authors' code
    has it. Neither margin nor memory is used in evaluation mode. The memory is part
    of `state_dict`, so that a resumed run ranks as the run that was not stopped.
    """

    def __init__(
        self,
        lam: float = 0.5,
        margin: float = 0.15,
        memory: int = 7,
        inter_class: float = 1 / 3,
    ) -> None:
        super().__init__()
        if not lam > 0 or memory < 0 or not 0 <= inter_class <= 1:
            raise UsageError(
                f"lam {lam}, memory {memory}, inter_class {inter_class}",
                "lam must be positive, memory at least 0, inter_class between 0 and 1",
            )
        self.lam = lam
        self.margin = margin
        self.inter_class = inter_class
        self._memory: deque[tuple[Tensor, Tensor]] = deque(maxlen=memory)

    def forward(
        self, scores: Float[Tensor, "box label"], is_positive: Bool[Tensor, "box label"]
    ) -> Float[Tensor, ""]:
        """Return the loss of one mini-batch; gradients flow through `scores` only."""
        past = self._memory if self.training else ()
        all_scores = torch.cat([scores, *(s.to(scores) for s, _ in past)])
        all_positive = torch.cat([is_positive, *(p.to(is_positive) for _, p in past)])
        if self.training:
            self._memory.append((scores.detach(), is_positive))
        margin = self.margin if self.training else 0.0
        per_label = label_ap_loss(all_scores, all_positive, self.lam, margin)
        across = across_ap_loss(scores, is_positive, self.lam, margin)
        return (1 - self.inter_class) * per_label + self.inter_class * across

    def get_extra_state(self) -> Tensor:
        """Return the memory as one tensor, a row a box: which batch, its scores, its positives."""
        parts = [
            torch.cat([scores.new_full((len(scores), 1), batch), scores, positive.to(scores)], 1)
            for batch, (scores, positive) in enumerate(self._memory)
        ]
        return torch.cat(parts) if parts else torch.zeros(0, 1)

    def set_extra_state(self, state: Tensor) -> None:
        """Remember what `get_extra_state` returned."""
        self._memory.clear()
        for batch in torch.unique(state[:, 0]):
            scores, positive = state[state[:, 0] == batch, 1:].chunk(2, dim=1)
            self._memory.append((scores, positive.bool()))
