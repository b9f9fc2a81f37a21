"""Losses of matching pairs: a square matrix of scores whose diagonal holds the matches.

`PAIR_LOSSES` holds them by name: `PAIR_LOSSES[name](...)(scores)`, images down, captions across.
"""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from zoo.losses.checks import check_choice, check_positive, checked_ks
from zoo.losses.recall_at_k import recall_at_k
from zoo.losses.sodeep import SoDeepRecall
from zoo.ranking.positives import Items

Square = Float[Tensor, "item item"]


class InfoNCE(nn.Module):
    """Cross-entropy of each match among its row and its column, at temperature `tau`.

    Radford et al., CLIP, ICML 2021, with a fixed temperature.
    """

    def __init__(self, tau: float = 0.05) -> None:
        super().__init__()
        check_positive(tau=tau)
        self.tau = tau

    def forward(self, scores: Square) -> Float[Tensor, ""]:
        """Return the mean of both directions."""
        own = torch.arange(len(scores), device=scores.device)
        logits = scores / self.tau
        forth = nn.functional.cross_entropy(logits, own)
        return (forth + nn.functional.cross_entropy(logits.T, own)) / 2


class HardTriplet(nn.Module):
    """Each match `margin` above the best mismatch of its row, and of its column.

    Faghri et al., VSE++, BMVC 2018; DSVE-Loc trains with it at margin 0.2, and sums over the batch
    (`reduce="sum"`).
    """

    def __init__(self, margin: float = 0.2, reduce: str = "mean") -> None:
        super().__init__()
        check_positive(margin=margin)
        check_choice("reduce", reduce, ("mean", "sum"))
        self.margin, self.reduce = margin, reduce

    def forward(self, scores: Square) -> Float[Tensor, ""]:
        """Return the sum of both directions' mean (or summed) hinge."""
        own = torch.eye(len(scores), dtype=torch.bool, device=scores.device)
        rivals = scores.masked_fill(own, -torch.inf)
        hinges = [
            (self.margin + rivals.amax(dim=axis) - scores.diagonal()).clamp(min=0)
            for axis in (0, 1)
        ]
        both = hinges[0] + hinges[1]
        return both.sum() if self.reduce == "sum" else both.mean()


class PairRecallAtK(nn.Module):
    """RS@k in both directions: each item has one positive, its match."""

    def __init__(
        self, ks: Sequence[int] = (1, 2, 4, 8, 16), tau_k: float = 1.0, tau_rank: float = 0.01
    ) -> None:
        super().__init__()
        check_positive(tau_k=tau_k, tau_rank=tau_rank)
        self.ks, self.tau_k, self.tau_rank = checked_ks(ks), tau_k, tau_rank

    def forward(self, scores: Square) -> Float[Tensor, ""]:
        """Return the mean of both directions."""
        own = torch.arange(len(scores), device=scores.device)[:, None]
        items = Items(own, torch.ones_like(own, dtype=torch.bool))
        ways = [
            recall_at_k(way, items, self.ks, self.tau_k, self.tau_rank).mean()
            for way in (scores, scores.T.contiguous())
        ]
        return (ways[0] + ways[1]) / 2


class SigLIP(nn.Module):
    """The sigmoid loss of pairs, with a learned scale (from `1 / tau`) and bias.

    Both start as published: 10 and -10, so that the many mismatches weigh little at first.
    """

    def __init__(self, tau: float = 0.1, bias: float = -10.0) -> None:
        super().__init__()
        check_positive(tau=tau)
        self.log_scale = nn.Parameter(torch.tensor(-math.log(tau)))
        self.bias = nn.Parameter(torch.tensor(float(bias)))

    def forward(self, scores: Square) -> Float[Tensor, ""]:
        """Return the loss of a square of scores whose diagonal holds the matches."""
        return siglip(scores, self.log_scale.exp().to(scores.dtype), self.bias.to(scores.dtype))


def siglip(scores: Square, scale: Tensor, bias: Tensor) -> Float[Tensor, ""]:
    """Return the sum over all pairs of -log sigmoid(±(scale · score + bias)), per item.

    Zhai et al., Sigmoid Loss for Language Image Pre-Training, ICCV 2023, section 3.2.
    """
    signs = 2 * torch.eye(len(scores), device=scores.device, dtype=scores.dtype) - 1
    return -nn.functional.logsigmoid(signs * (scale * scores + bias)).sum() / len(scores)


def apart(scores: Square, kinds: Int64[Tensor, " item"]) -> Square:
    """Return the scores with pairs of one kind moved as far apart as cosines can be.

    Two items with equal captions are no rivals of each other: neither is a wrong answer.

    >>> apart(torch.tensor([[0.9, 0.8], [0.7, 0.6]]), torch.tensor([5, 5]))
    tensor([[ 0.9000, -1.0000],
            [-1.0000,  0.6000]])
    """
    same = kinds[:, None] == kinds
    return scores.masked_fill(same.fill_diagonal_(False), -1.0)


PAIR_LOSSES: dict[str, type[nn.Module]] = {
    "hard_triplet": HardTriplet,
    "info_nce": InfoNCE,
    "pair_recall_at_k": PairRecallAtK,
    "siglip": SigLIP,
    "sodeep_recall": SoDeepRecall,
}
