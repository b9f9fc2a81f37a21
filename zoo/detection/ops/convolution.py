"""Deformable convolutions, first and second version: Dai et al., 2017; Zhu et al., 2019."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True)
class _Geometry:
    """Stride, padding and dilation as (height, width), and the groups."""

    stride: tuple[int, int]
    padding: tuple[int, int]
    dilation: tuple[int, int]
    groups: int
    offset_groups: int

    @property
    def arguments(self) -> tuple[int, ...]:
        return *self.stride, *self.padding, *self.dilation, self.groups, self.offset_groups


Features = Float[Tensor, "image channel h w"]


def _first_version(keywords: dict[str, int]) -> _Geometry:
    return _Geometry(
        stride=(keywords["dH"], keywords["dW"]),
        padding=(keywords["padH"], keywords["padW"]),
        dilation=(keywords["dilationH"], keywords["dilationW"]),
        groups=keywords["group"],
        offset_groups=keywords["deformable_group"],
    )


def _second_version(keywords: dict[str, int]) -> _Geometry:
    return _Geometry(
        stride=(keywords["stride_h"], keywords["stride_w"]),
        padding=(keywords["pad_h"], keywords["pad_w"]),
        dilation=(keywords["dilation_h"], keywords["dilation_w"]),
        groups=keywords["group"],
        offset_groups=keywords["deformable_group"],
    )


def _forward(
    features: Tensor, weight: Tensor, offset: Tensor, mask: Tensor, bias: Tensor, to: _Geometry
) -> Tensor:
    modulated = mask.numel() > 0
    result: Tensor = torch.ops.torchvision.deform_conv2d(
        features, weight, offset, mask, bias, *to.arguments, modulated
    )
    return result


def _backward(
    grad_output: Tensor,
    features: Tensor,
    weight: Tensor,
    offset: Tensor,
    mask: Tensor,
    to: _Geometry,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Return the gradients of features, weight, offset, mask and bias."""
    bias, modulated = weight.new_zeros(len(weight)), mask.numel() > 0
    result: tuple[Tensor, Tensor, Tensor, Tensor, Tensor] = (
        torch.ops.torchvision._deform_conv2d_backward(
            grad_output, features, weight, offset, mask, bias, *to.arguments, modulated
        )
    )
    return result


def deform_conv_forward(
    features: Features,
    weight: Tensor,
    offset: Tensor,
    output: Tensor,
    columns: Tensor,  # noqa: ARG001
    ones: Tensor,  # noqa: ARG001
    **keywords: int,
) -> None:
    """Fill `output`; the buffers serve mmcv's kernel only."""
    to, bias = _first_version(keywords), weight.new_zeros(len(weight))
    output.copy_(_forward(features, weight, offset, _no_mask(features), bias, to))


def deform_conv_backward_input(
    features: Features,
    offset: Tensor,
    grad_output: Tensor,
    grad_input: Tensor,
    grad_offset: Tensor,
    weight: Tensor,
    columns: Tensor,  # noqa: ARG001
    **keywords: int,
) -> None:
    """Fill the gradients of the features and of the offsets."""
    to = _first_version(keywords)
    gradients = _backward(grad_output, features, weight, offset, _no_mask(features), to)
    grad_input.copy_(gradients[0])
    grad_offset.copy_(gradients[2])


def deform_conv_backward_parameters(
    features: Features,
    offset: Tensor,
    grad_output: Tensor,
    grad_weight: Tensor,
    columns: Tensor,  # noqa: ARG001
    ones: Tensor,  # noqa: ARG001
    *,
    scale: float | int,
    **keywords: int,
) -> None:
    """Add `scale` times the gradient of the weight, which does not depend on the weight."""
    to, zero = _first_version(keywords), torch.zeros_like(grad_weight)
    gradients = _backward(grad_output, features, zero, offset, _no_mask(features), to)
    grad_weight += scale * gradients[1]


def modulated_deform_conv_forward(
    features: Features,
    weight: Tensor,
    bias: Tensor,
    ones: Tensor,  # noqa: ARG001
    offset: Tensor,
    mask: Tensor,
    output: Tensor,
    columns: Tensor,  # noqa: ARG001
    *,
    with_bias: bool,
    kernel_h: int,  # noqa: ARG001
    kernel_w: int,  # noqa: ARG001
    **keywords: int,
) -> None:
    """Fill `output`; the buffers serve mmcv's kernel only."""
    shift = bias if with_bias else weight.new_zeros(len(weight))
    output.copy_(_forward(features, weight, offset, mask, shift, _second_version(keywords)))


def modulated_deform_conv_backward(
    features: Features,
    weight: Tensor,
    bias: Tensor,  # noqa: ARG001
    ones: Tensor,  # noqa: ARG001
    offset: Tensor,
    mask: Tensor,
    columns: Tensor,  # noqa: ARG001
    grad_input: Tensor,
    grad_weight: Tensor,
    grad_bias: Tensor,
    grad_offset: Tensor,
    grad_mask: Tensor,
    grad_output: Tensor,
    *,
    with_bias: bool,
    kernel_h: int,  # noqa: ARG001
    kernel_w: int,  # noqa: ARG001
    **keywords: int,
) -> None:
    """Fill the gradients of features, weight, bias, offsets and mask."""
    to = _second_version(keywords)
    gradients = _backward(grad_output, features, weight, offset, mask, to)
    grad_input.copy_(gradients[0])
    grad_weight.copy_(gradients[1])
    grad_offset.copy_(gradients[2])
    grad_mask.copy_(gradients[3])
    if with_bias:
        grad_bias.copy_(gradients[4])


def _no_mask(like: Tensor) -> Tensor:
    return like.new_zeros((len(like), 0))
