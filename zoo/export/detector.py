"""A detector as a network that a file can hold: pixels in, every anchor's scores and box out."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from zoo.errors import UsageError
from zoo.recipes.detector import DetectionRecipe

STRIDE = 32  # images are padded to a multiple of it, as mmdetection does
LARGEST_GROWTH = 4.135166556742356  # log(1000 / 16): no side grows more, as in Faster R-CNN
ONE_STAGE = ("retinanet", "atss")


class RawDetector(nn.Module):
    """A one-stage detector up to the choice among its boxes, which depends on their number.

    `forward` maps RGB images (batch, 3, height, width) with values from 0 to 255 to the score of
    every label for every anchor, and to the anchor's box: left, top, right, bottom in pixels.
    Height and width are fixed: the anchors are part of it. Left to do: drop low scores, suppress
    boxes that overlap (per label, IoU 0.5 in mmdetection's RetinaNet, 0.6 in its ATSS).
    """

    outputs = ("scores", "boxes")
    anchors: Tensor
    detector: Any  # mmdetection is not typed

    def __init__(self, detector: nn.Module) -> None:
        super().__init__()
        self.detector = detector.eval()
        self.recipe: DetectionRecipe = self.detector.recipe
        if self.recipe.network.detector not in ONE_STAGE:
            raise UsageError(
                f"{self.recipe.network.detector} suppresses boxes in the middle of its network",
                f"only {' and '.join(ONE_STAGE)} can be; --format mmdetection writes any detector",
            )
        longest, shortest = self.recipe.data.scale
        self.height, self.width = (-(-side // STRIDE) * STRIDE for side in (shortest, longest))
        with torch.no_grad():
            features = self.detector.extract_feat(torch.zeros(1, 3, self.height, self.width))
        maps = [level.shape[-2:] for level in features]
        grid = self.detector.bbox_head.prior_generator.grid_priors(maps, device="cpu")
        self.register_buffer("anchors", torch.cat(list(grid)))

    def forward(
        self, images: Float[Tensor, "batch 3 height width"]
    ) -> tuple[Float[Tensor, "batch box label"], Float[Tensor, "batch box 4"]]:
        """Look at a batch of images."""
        head, colours = self.detector.bbox_head, self.detector.data_preprocessor
        found = head(self.detector.extract_feat((images - colours.mean) / colours.std))
        scores = _by_anchor(found[0], head.cls_out_channels).sigmoid()
        if len(found) == 3:  # ATSS weighs scores by how central the box is
            scores = scores * _by_anchor(found[2], 1).sigmoid()
        return scores, self._boxes(_by_anchor(found[1], 4))

    def example(self, batch: int) -> Float[Tensor, "batch 3 height width"]:
        """Return noise of the right size."""
        generator = torch.Generator().manual_seed(batch)
        return 255 * torch.rand(batch, 3, self.height, self.width, generator=generator)

    def _boxes(self, deltas: Tensor) -> Tensor:
        """Move and scale the anchors (Girshick et al., R-CNN, CVPR 2014, appendix C)."""
        coder = self.detector.bbox_head.bbox_coder
        deltas = deltas * deltas.new_tensor(coder.stds) + deltas.new_tensor(coder.means)
        size = self.anchors[:, 2:] - self.anchors[:, :2]
        centre = self.anchors[:, :2] + size / 2 + deltas[..., :2] * size
        half = size / 2 * deltas[..., 2:].clamp(-LARGEST_GROWTH, LARGEST_GROWTH).exp()
        corners = torch.stack([centre - half, centre + half], dim=2)  # (batch, box, corner, axis)
        x, y = corners.unbind(3)
        return torch.stack([x.clamp(0, self.width), y.clamp(0, self.height)], dim=3).flatten(2)


def _by_anchor(levels: Any, width: int) -> Tensor:
    """Join the maps of all levels into (batch, anchor, width)."""
    return torch.cat(
        [level.permute(0, 2, 3, 1).reshape(level.shape[0], -1, width) for level in levels], dim=1
    )
