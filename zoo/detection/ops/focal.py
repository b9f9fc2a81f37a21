"""Sigmoid focal loss, value and gradient: Lin et al., ICCV 2017.

mmdetection calls these on CUDA only; on the CPU it has its own formula.
"""

import torch
from jaxtyping import Float, Int64
from torch import Tensor
from torch.nn.functional import one_hot
from torchvision.ops import sigmoid_focal_loss

from zoo.errors import UnavailableError

Logits = Float[Tensor, "box label"]


def sigmoid_focal_loss_forward(
    logits: Logits,
    target: Int64[Tensor, " box"],
    weight: Tensor,
    output: Logits,
    *,
    gamma: float,
    alpha: float,
) -> None:
    """Fill `output` with the loss of each box and label; target = number of labels: background."""
    output.copy_(_focal(logits, target, weight, gamma, alpha))


def sigmoid_focal_loss_backward(
    logits: Logits,
    target: Int64[Tensor, " box"],
    weight: Tensor,
    grad_input: Logits,
    *,
    gamma: float,
    alpha: float,
) -> None:
    """Fill `grad_input` with the derivative of each loss in its logit."""
    with torch.enable_grad():
        leaf = logits.detach().requires_grad_()
        loss = _focal(leaf, target, weight, gamma, alpha).sum()
    grad_input.copy_(torch.autograd.grad(loss, leaf)[0])


def _focal(
    logits: Logits, target: Int64[Tensor, " box"], weight: Tensor, gamma: float, alpha: float
) -> Logits:
    if weight.numel():
        raise UnavailableError(
            "sigmoid focal loss with label weights is not bridged",
            "weight the unreduced loss, or compile mmcv",
        )
    labels = logits.shape[1]
    positive = one_hot(target, labels + 1)[:, :labels].to(logits.dtype)
    result: Tensor = sigmoid_focal_loss(logits, positive, alpha=alpha, gamma=gamma)
    return result
