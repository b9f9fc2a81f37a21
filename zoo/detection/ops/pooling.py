"""RoIAlign and RoIPool: mmcv fills a given output, torchvision returns one."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from zoo.errors import UnavailableError

AVERAGE = 1


def roi_align_forward(
    features: Float[Tensor, "image channel h w"],
    rois: Float[Tensor, "roi 5"],
    output: Float[Tensor, "roi channel out_h out_w"],
    argmax_y: Tensor,  # noqa: ARG001
    argmax_x: Tensor,  # noqa: ARG001
    *,
    aligned_height: int,
    aligned_width: int,
    spatial_scale: float,
    sampling_ratio: int,
    pool_mode: int,
    aligned: bool,
) -> None:
    """Fill `output`; the argmax buffers belong to maximum pooling only.

    Raises:
        UnavailableError: maximum pooling, which torchvision does not have.
    """
    if pool_mode != AVERAGE:
        raise UnavailableError(
            "RoIAlign with pool_mode='max' is not bridged", "use pool_mode='avg', or compile mmcv"
        )
    scale = (spatial_scale, aligned_height, aligned_width, sampling_ratio, aligned)
    output.copy_(torch.ops.torchvision.roi_align(features, rois, *scale))


def roi_align_backward(
    grad_output: Float[Tensor, "roi channel out_h out_w"],
    rois: Float[Tensor, "roi 5"],
    argmax_y: Tensor,  # noqa: ARG001
    argmax_x: Tensor,  # noqa: ARG001
    grad_input: Float[Tensor, "image channel h w"],
    *,
    aligned_height: int,
    aligned_width: int,
    spatial_scale: float,
    sampling_ratio: int,
    pool_mode: int,  # noqa: ARG001
    aligned: bool,
) -> None:
    """Fill the gradient of the features."""
    grad_input.copy_(
        torch.ops.torchvision._roi_align_backward(
            grad_output,
            rois,
            spatial_scale,
            aligned_height,
            aligned_width,
            *grad_input.shape,
            sampling_ratio,
            aligned,
        )
    )


def roi_pool_forward(
    features: Float[Tensor, "image channel h w"],
    rois: Float[Tensor, "roi 5"],
    output: Float[Tensor, "roi channel out_h out_w"],
    argmax: Int[Tensor, "roi channel out_h out_w"],
    *,
    pooled_height: int,
    pooled_width: int,
    spatial_scale: float,
) -> None:
    """Fill `output` and the position of each maximum."""
    pooled, where = torch.ops.torchvision.roi_pool(
        features, rois, spatial_scale, pooled_height, pooled_width
    )
    output.copy_(pooled)
    argmax.copy_(where)


def roi_pool_backward(
    grad_output: Float[Tensor, "roi channel out_h out_w"],
    rois: Float[Tensor, "roi 5"],
    argmax: Int[Tensor, "roi channel out_h out_w"],
    grad_input: Float[Tensor, "image channel h w"],
    *,
    pooled_height: int,
    pooled_width: int,
    spatial_scale: float,
) -> None:
    """Fill the gradient of the features."""
    grad_input.copy_(
        torch.ops.torchvision._roi_pool_backward(
            grad_output.contiguous(),
            rois,
            argmax,
            spatial_scale,
            pooled_height,
            pooled_width,
            *grad_input.shape,
        )
    )
