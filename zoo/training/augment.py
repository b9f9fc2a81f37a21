"""Augmentation of whole batches, as pure functions of the pixels and a row of uniform draws.

Every random choice comes from `draws`, made from (seed, step): a resumed run, a second pass over
the same chunk, and any number of processes see the same image.
"""

import math
from functools import cache
from typing import Any

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from zoo.data.preprocessing import Preprocessing
from zoo.data.samplers import mixed_seed
from zoo.recipes.recipe import Augmentation

DRAWS = 10  # area, ratio, x, y, flip, brightness, contrast, saturation, hue, grey; then attempts
LUMA = (0.299, 0.587, 0.114)
# The opposite colours of YIQ: a hue turn is a rotation of (I, Q) about the grey axis Y.
TO_YIQ = (LUMA, (0.596, -0.274, -0.322), (0.211, -0.523, 0.312))

Draws = Float[Tensor, "batch draws"]
Boxes = Float[Tensor, "batch 4"]
Pixels = UInt8[Tensor, "batch 3 height width"]


def draws_of_step(count: int, seed: int, step: int, attempts: int = 1) -> Draws:
    """Return the uniform draws of a step's global batch: area and ratio for each attempt at a crop.

    The first `DRAWS` columns hold one attempt; each further one has two at the end of the row.
    """
    generator = torch.Generator().manual_seed(mixed_seed(seed, step, 1))
    return torch.rand(count, DRAWS + 2 * (attempts - 1), generator=generator)


def crop_boxes(draws: Draws, aspect: Float[Tensor, " batch"], augmentation: Augmentation) -> Boxes:
    """Return random crops as (left, top, width, height) shares of an image.

    The area is uniform in `scale`, the logarithm of the pixel aspect ratio uniform in `ratio`. The
    first attempt that fits is taken; if none does, the largest crop in the middle whose ratio is
    allowed (torchvision's `RandomResizedCrop`, without its rounding to whole pixels). A single
    attempt is cut to the image. `aspect` is width / height of the image. A `window` takes that
    share of both sides instead, at a random place.
    """
    if augmentation.window is not None:
        side = torch.full_like(aspect, augmentation.window)
        return torch.stack([*(draws[:, place] * (1 - side) for place in (2, 3)), side, side], 1)
    sides, place = _sides(draws, aspect, augmentation), draws[:, 2:4]
    if augmentation.attempts == 1:
        sides = sides[:, 0].clamp(max=1)
    else:
        fits = (sides <= 1).all(2)
        first = fits.int().argmax(1)  # of equal values torch takes the first
        chosen = sides[torch.arange(len(sides), device=sides.device), first]
        place = torch.where(fits.any(1)[:, None], place, 0.5)
        sides = torch.where(fits.any(1)[:, None], chosen, _middle(aspect, augmentation))
    return torch.cat([place * (1 - sides), sides], 1)


def _sides(
    draws: Draws, aspect: Float[Tensor, " batch"], augmentation: Augmentation
) -> Float[Tensor, "batch attempts 2"]:
    """Return width and height of every attempt at a crop."""
    attempts = torch.cat([draws[:, :2], draws[:, DRAWS:]], 1).reshape(len(draws), -1, 2)
    low, high = augmentation.scale
    area = low + (high - low) * attempts[..., 0]
    narrow, wide = (math.log(bound) for bound in augmentation.ratio)
    relative = torch.exp(narrow + (wide - narrow) * attempts[..., 1]) / aspect[:, None]
    return torch.stack([(area * relative).sqrt(), (area / relative).sqrt()], 2)


def _middle(
    aspect: Float[Tensor, " batch"], augmentation: Augmentation
) -> Float[Tensor, "batch 2"]:
    """Return width and height of the largest crop whose pixel aspect ratio is allowed."""
    relative = aspect.clamp(*augmentation.ratio) / aspect
    return torch.stack([relative.clamp(max=1), (1 / relative).clamp(max=1)], 1)


def cropped(images: Pixels, boxes: Boxes, size: int) -> Float[Tensor, "batch 3 size size"]:
    """Return boxes of same-sized images resampled to `size` (bilinear), values in [0, 255]."""
    left, top, width, height = boxes.unbind(1)
    zero = torch.zeros_like(left)
    rows = torch.stack([width, zero, 2 * left + width - 1], dim=1)
    columns = torch.stack([zero, height, 2 * top + height - 1], dim=1)
    grid = torch.nn.functional.affine_grid(
        torch.stack([rows, columns], dim=1), [len(boxes), 3, size, size], align_corners=False
    )
    return torch.nn.functional.grid_sample(
        images.float(), grid, mode="bilinear", padding_mode="border", align_corners=False
    )


def coloured(
    images: Float[Tensor, "batch 3 height width"],
    draws: Draws,
    augmentation: Augmentation,
    preprocessing: Preprocessing,
) -> Float[Tensor, "batch 3 height width"]:
    """Flip, change colours and normalise a batch of crops with values in [0, 255].

    Brightness, contrast, saturation, hue and grey are affine in the colour, so that one 3 x 3
    matrix and one offset an image do them all.
    """
    flipped = draws[:, 4, None, None, None] < augmentation.flip
    images = torch.where(flipped, images.flip(3), images) / 255
    if augmentation.colour or augmentation.grey:
        matrix, keep = _colour_matrices(draws, augmentation)
        luma = _constant(LUMA, images.device)
        mean_grey = torch.einsum("c,bcd,bd->b", luma, matrix, images.mean(dim=(2, 3)))
        offset = ((1 - keep) * mean_grey)[:, None, None]
        matrix = keep[:, None, None] * matrix
        mixed = torch.baddbmm(offset.expand(-1, 3, 1), matrix, images.flatten(2))
        images = mixed.clamp(0, 1).view_as(images)
    mean, std = (_constant(c, images.device) for c in (preprocessing.mean, preprocessing.std))
    return (images - mean[:, None, None]) / std[:, None, None]


def _colour_matrices(
    draws: Draws, augmentation: Augmentation
) -> tuple[Float[Tensor, "batch 3 3"], Float[Tensor, " batch"]]:
    """Return each image's colour matrix (before contrast), and its contrast factor."""
    brightness, contrast, saturation = (1 + augmentation.colour * (2 * draws[:, 5:8] - 1)).unbind(1)
    saturation = torch.where(draws[:, 9] < augmentation.grey, 0, saturation)
    turn = 2 * math.pi * augmentation.colour / 5 * (2 * draws[:, 8] - 1)
    zero, one = torch.zeros_like(turn), torch.ones_like(turn)
    rotation = torch.stack(
        [
            torch.stack([one, zero, zero], 1),
            torch.stack([zero, saturation * turn.cos(), -saturation * turn.sin()], 1),
            torch.stack([zero, saturation * turn.sin(), saturation * turn.cos()], 1),
        ],
        dim=1,
    )
    to_yiq = _constant(TO_YIQ, draws.device)
    matrix = torch.linalg.inv(to_yiq) @ rotation @ to_yiq
    return brightness[:, None, None] * matrix, contrast


@cache
def _constant(values: tuple[Any, ...], device: torch.device) -> Tensor:
    """Return constants where the images are: each copy to a GPU would make it wait."""
    return torch.tensor(values, device=device)
