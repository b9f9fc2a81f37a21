"""Augmentation: the crop and colours of a batch, each a function of the pixels and the draws."""

import colorsys
import math

import pytest
import torch
from torch import Tensor
from torchvision.transforms.v2 import functional as oracle

from zoo.data.preprocessing import Preprocessing
from zoo.recipes.recipe import Augmentation
from zoo.training.augment import DRAWS, coloured, crop_boxes, cropped, draws_of_step

PLAIN = Preprocessing(size=16, resize=16, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))


def images(count: int = 6, side: int = 16) -> Tensor:
    return torch.randint(0, 256, (count, 3, side, side), dtype=torch.uint8)


def test_draws_are_those_of_the_seed_and_step_and_cut_by_process() -> None:
    whole = draws_of_step(8, seed=3, step=5)
    assert torch.equal(whole, draws_of_step(8, seed=3, step=5))
    assert not torch.equal(whole, draws_of_step(8, seed=3, step=6))
    assert not torch.equal(whole, draws_of_step(8, seed=4, step=5))


def test_boxes_stay_inside_and_have_the_area_and_shape_asked_for() -> None:
    augmentation = Augmentation(scale=(0.16, 0.5), ratio=(0.75, 4 / 3))
    aspect = torch.rand(2000) + 0.5
    left, top, width, height = crop_boxes(torch.rand(2000, DRAWS), aspect, augmentation).unbind(1)
    assert (torch.stack([left, top]) >= 0).all()
    assert (torch.stack([left + width, top + height]) <= 1 + 1e-6).all()
    uncut = (width < 1) & (height < 1)
    area, shape = (width * height)[uncut], (width * aspect / height)[uncut]
    assert ((area > 0.16 - 1e-6) & (area < 0.5 + 1e-6)).all()
    assert ((shape > 0.75 - 1e-4) & (shape < 4 / 3 + 1e-4)).all()
    assert area.min() < 0.2
    assert area.max() > 0.45


def test_the_first_attempt_that_fits_is_taken() -> None:
    crops = Augmentation(scale=(0.16, 1.0), ratio=(0.75, 1.33), attempts=10)
    draws, aspect = draws_of_step(400, seed=0, step=0, attempts=10), torch.rand(400) * 3 + 0.3
    found = crop_boxes(draws, aspect, crops)
    for row, shape, box in zip(draws.tolist(), aspect.tolist(), found, strict=True):
        expected = torch.tensor(by_the_letter(row, shape, crops))
        torch.testing.assert_close(box, expected, rtol=1e-4, atol=1e-5)
    assert (found[:, 2:] <= 1).all()


def by_the_letter(row: list[float], aspect: float, crops: Augmentation) -> list[float]:
    """Try one crop after the other, in pixels of an image one pixel high."""
    tries = [row[:2], *([row[DRAWS + 2 * k], row[DRAWS + 2 * k + 1]] for k in range(9))]
    low, high = (math.log(bound) for bound in crops.ratio)
    for share, place in tries:
        area = (crops.scale[0] + (crops.scale[1] - crops.scale[0]) * share) * aspect
        ratio = math.exp(low + (high - low) * place)
        width, height = math.sqrt(area * ratio), math.sqrt(area / ratio)
        if width <= aspect and height <= 1:
            left, top = row[2] * (aspect - width), row[3] * (1 - height)
            return [left / aspect, top, width / aspect, height]
    width, height = aspect, 1.0
    if aspect < crops.ratio[0]:
        height = width / crops.ratio[0]
    elif aspect > crops.ratio[1]:
        width = height * crops.ratio[1]
    return [(aspect - width) / 2 / aspect, (1 - height) / 2, width / aspect, height]


def test_a_panorama_that_no_attempt_fits_gives_its_middle() -> None:
    crops = Augmentation(scale=(1.0, 1.0), attempts=10)
    box = crop_boxes(draws_of_step(1, 0, 0, attempts=10), torch.tensor([4.0]), crops)
    assert box.tolist() == [pytest.approx([1 / 3, 0, 1 / 3, 1])]
    tower = crop_boxes(draws_of_step(1, 0, 0, attempts=10), torch.tensor([0.375]), crops)
    assert tower.tolist() == [pytest.approx([0, 0.25, 1, 0.5])]


def test_more_attempts_leave_the_colours_where_they_were() -> None:
    assert torch.equal(draws_of_step(1, 0, 0, attempts=10)[:, :DRAWS], draws_of_step(1, 0, 0))


def test_a_window_has_one_size_and_lies_anywhere() -> None:
    augmentation = Augmentation(window=0.875)
    left, top, width, height = crop_boxes(
        torch.rand(500, DRAWS), torch.rand(500) + 0.5, augmentation
    ).unbind(1)
    assert (width == 0.875).all()
    assert (height == 0.875).all()
    assert 0 <= float(left.min()) < 0.01 < 0.115 < float(top.max()) <= 0.125


def test_a_draw_decides_for_each_side_where_the_crop_lies() -> None:
    at = draws(x=0.25, y=0.75, flip=0.0)
    window = crop_boxes(at, torch.ones(1), Augmentation(window=0.5))
    assert window.tolist() == [[0.125, 0.375, 0.5, 0.5]]
    quarter = crop_boxes(at, torch.ones(1), Augmentation(scale=(0.25, 0.25), ratio=(1.0, 1.0)))
    torch.testing.assert_close(quarter, window)
    wide = crop_boxes(at, torch.full((1,), 4.0), Augmentation(scale=(0.25, 0.25), ratio=(1.0, 1.0)))
    torch.testing.assert_close(wide, torch.tensor([[0.1875, 0.0, 0.25, 1.0]]))


@pytest.mark.parametrize(("share", "draw", "flips"), [(0.0, 0.0, False), (1.0, 0.999999, True)])
def test_a_flip_may_be_never_and_always(share: float, draw: float, flips: bool) -> None:
    """Draws are from 0, which may come, up to 1, which does not."""
    batch = images(1).float()
    found = coloured(batch, draws(flip=draw), Augmentation(flip=share), PLAIN)
    expected = batch.flip(3) if flips else batch
    torch.testing.assert_close(found, expected / 255)


def test_a_window_of_one_is_the_whole_image() -> None:
    box = crop_boxes(torch.rand(1, DRAWS), torch.ones(1), Augmentation(window=1.0))
    assert box.tolist() == [[0, 0, 1, 1]]


def test_the_whole_box_at_the_same_size_changes_no_pixel() -> None:
    batch = images()
    whole = torch.tensor([[0.0, 0.0, 1.0, 1.0]]).expand(6, 4)
    torch.testing.assert_close(cropped(batch, whole, 16), batch.float(), atol=1e-3, rtol=0)


def test_a_quarter_box_is_that_quarter() -> None:
    batch = images()
    corner = torch.tensor([[0.5, 0.0, 0.5, 0.5]]).expand(6, 4)
    expected = batch[:, :, :8, 8:].float()
    torch.testing.assert_close(cropped(batch, corner, 8), expected, atol=1e-3, rtol=0)


def draws(**chosen: float) -> Tensor:
    """Neutral draws but for those named: no flip, factors of one, no grey."""
    names = ["area", "ratio", "x", "y", "flip", "brightness", "contrast", "saturation", "hue"]
    return torch.tensor([[chosen.get(name, 0.5) for name in names] + [chosen.get("grey", 1.0)]])


def test_a_flip_mirrors_and_neutral_draws_change_nothing() -> None:
    batch = images(1).float()
    augmentation = Augmentation(flip=0.5, colour=0.4, grey=0.2)
    kept = coloured(batch, draws(), augmentation, PLAIN)
    torch.testing.assert_close(kept, batch / 255, atol=1e-5, rtol=0)
    mirrored = coloured(batch, draws(flip=0.1), augmentation, PLAIN)
    torch.testing.assert_close(mirrored, batch.flip(3) / 255, atol=1e-5, rtol=0)


def test_brightness_saturation_and_grey_are_those_of_torchvision() -> None:
    batch = torch.randint(60, 180, (1, 3, 16, 16)).float()
    augmentation = Augmentation(colour=0.4, grey=0.2)
    for name, expected in (
        ("brightness", oracle.adjust_brightness(batch / 255, 1.2)),
        ("saturation", oracle.adjust_saturation(batch / 255, 1.2)),
        ("contrast", oracle.adjust_contrast(batch / 255, 1.2)),
    ):
        found = coloured(batch, draws(**{name: 0.75}), augmentation, PLAIN)
        torch.testing.assert_close(found, expected.clamp(0, 1), atol=2e-3, rtol=0)
    found = coloured(batch, draws(grey=0.1), augmentation, PLAIN)
    torch.testing.assert_close(found, oracle.rgb_to_grayscale(batch / 255, 3), atol=2e-3, rtol=0)


def test_hue_turns_colours_and_leaves_grey_alone() -> None:
    grey = torch.full((1, 3, 4, 4), 100.0)
    red = torch.tensor([200.0, 40.0, 40.0]).view(1, 3, 1, 1).expand(1, 3, 4, 4)
    augmentation = Augmentation(colour=1.0)
    torch.testing.assert_close(
        coloured(grey, draws(hue=0.9), augmentation, PLAIN), grey / 255, atol=2e-3, rtol=0
    )
    assert (coloured(red, draws(hue=0.9), augmentation, PLAIN) - red / 255).abs().max() > 0.1


@pytest.mark.parametrize("draw", [0.0, 0.25, 0.75])
def test_hue_turns_by_up_to_a_fifth_of_the_circle_times_its_strength(draw: float) -> None:
    """In the I, Q plane of the standard library's `colorsys`; neither brighter nor stronger."""
    before = (120.0, 90.0, 70.0)
    batch = torch.tensor(before).view(1, 3, 1, 1).expand(1, 3, 4, 4)
    found = coloured(batch, draws(hue=draw), Augmentation(colour=0.4), PLAIN)[0, :, 0, 0].tolist()
    y, i, q = colorsys.rgb_to_yiq(*(value / 255 for value in before))
    after_y, after_i, after_q = colorsys.rgb_to_yiq(*found)
    turn = math.atan2(after_q, after_i) - math.atan2(q, i)
    assert turn == pytest.approx(2 * math.pi * 0.4 / 5 * (2 * draw - 1), abs=0.01)
    assert math.hypot(after_i, after_q) == pytest.approx(math.hypot(i, q), rel=0.02)
    assert after_y == pytest.approx(y, abs=0.002)


def test_a_chunk_of_a_batch_is_that_part_of_the_augmented_batch() -> None:
    batch, drawn = images(8).float(), draws_of_step(8, 0, 0)
    augmentation = Augmentation(colour=0.4, grey=0.2)
    whole = coloured(batch, drawn, augmentation, Preprocessing())
    part = coloured(batch[2:5], drawn[2:5], augmentation, Preprocessing())
    assert torch.equal(whole[2:5], part)
