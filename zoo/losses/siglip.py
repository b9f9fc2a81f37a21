"""SigLIP: every pair of an image and a text is a binary question of its own."""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from zoo.losses.checks import check_positive

Square = Float[Tensor, "item item"]


def siglip(scores: Square, scale: Tensor, bias: Tensor) -> Float[Tensor, ""]:
    """Return the sum over all pairs of -log sigmoid(±(scale · score + bias)), per item.

    Zhai et al., Sigmoid Loss for Language Image Pre-Training, ICCV 2023, section 3.2.
    """
    signs = 2 * torch.eye(len(scores), device=scores.device, dtype=scores.dtype) - 1
    return -nn.functional.logsigmoid(signs * (scale * scores + bias)).sum() / len(scores)


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
