"""Box operators: non-maximum suppression in its three forms, and overlaps."""

import torch
from jaxtyping import Float, Int64
from torch import Tensor
from torchvision.ops import box_iou
from torchvision.ops import nms as torchvision_nms

LINEAR, GAUSSIAN = 1, 2  # mmcv numbers its methods; 0 is plain suppression


def nms(
    boxes: Float[Tensor, "box 4"], scores: Float[Tensor, " box"], iou_threshold: float, offset: int
) -> Int64[Tensor, " kept"]:
    """Return the kept boxes, best first; a box is `x2 - x1 + offset` wide."""
    kept: Tensor = torchvision_nms(_grown(boxes, offset), scores, iou_threshold)
    return kept


def softnms(
    boxes: Float[Tensor, "box 4"],
    scores: Float[Tensor, " box"],
    dets: Float[Tensor, "box 5"],
    iou_threshold: float,
    sigma: float,
    min_score: float,
    method: int,
    offset: int,
) -> Int64[Tensor, " kept"]:
    """Fill the first rows of `dets` with the kept boxes and decayed scores; return their indices.

    Bodla et al., Soft-NMS, ICCV 2017; `method` 0 drops, 1 decays linearly, 2 by a Gaussian.
    """
    overlaps = box_iou(_grown(boxes, offset), _grown(boxes, offset))
    left, scores = torch.arange(len(boxes), device=boxes.device), scores.clone()
    kept: list[int] = []
    while len(left):
        best = int(left[scores[left].argmax()])
        dets[len(kept), :4], dets[len(kept), 4] = boxes[best], scores[best]
        kept.append(best)
        left = left[left != best]
        scores[left] *= _decay(overlaps[best, left], iou_threshold, sigma, method)
        left = left[scores[left] >= min_score]
    return torch.tensor(kept, dtype=torch.int64, device=boxes.device)


def _decay(
    overlap: Float[Tensor, " box"], iou_threshold: float, sigma: float, method: int
) -> Float[Tensor, " box"]:
    if method == GAUSSIAN:
        return torch.exp(-overlap.square() / sigma)
    hit = overlap >= iou_threshold
    return torch.where(hit, 1 - overlap if method == LINEAR else 0.0, 1.0)


def nms_match(dets: Float[Tensor, "box 5"], iou_threshold: float) -> list[list[int]]:
    """Return, best first, each kept box followed by the boxes it suppresses."""
    overlaps = box_iou(dets[:, :4], dets[:, :4])
    left = dets[:, 4].argsort(descending=True)
    groups = []
    while len(left):
        hit = overlaps[left[0], left] >= iou_threshold
        hit[0] = True
        groups.append(left[hit].tolist())
        left = left[~hit]
    return groups


def bbox_overlaps(
    bboxes1: Float[Tensor, "first 4"],
    bboxes2: Float[Tensor, "second 4"],
    ious: Float[Tensor, "..."],
    mode: int,
    aligned: bool,
    offset: int,
) -> None:
    """Fill `ious`: of all pairs or of `aligned` ones; `mode` 0 over the union, 1 over the first."""
    first, second = _grown(bboxes1, offset), _grown(bboxes2, offset)
    first, second = (first, second) if aligned else (first[:, None], second[None])
    low = torch.maximum(first[..., :2], second[..., :2])
    high = torch.minimum(first[..., 2:], second[..., 2:])
    common = (high - low).clamp(min=0).prod(dim=-1)
    area1 = (first[..., 2:] - first[..., :2]).prod(dim=-1)
    area2 = (second[..., 2:] - second[..., :2]).prod(dim=-1)
    whole = area1 + area2 - common if mode == 0 else area1.expand_as(common)
    ious.copy_(common / whole.clamp(min=max(offset, 1e-6)))


def _grown(boxes: Float[Tensor, "box 4"], offset: int) -> Float[Tensor, "box 4"]:
    """Return the boxes with `offset` added to their far corner: widths and overlaps follow."""
    return boxes + boxes.new_tensor([0, 0, offset, offset]) if offset else boxes
