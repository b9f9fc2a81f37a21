"""Training images: the same crops from memory as from files, in any number of workers."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import torch

from zoo.errors import DataError
from zoo.recipes.recipe import Augmentation
from zoo.training import images
from zoo.training.augment import draws_of_step
from zoo.training.images import CachedImages, Plan, StreamedImages, open_images

GENTLE = Augmentation(scale=(0.5, 1.0))


@pytest.fixture
def smooth_images(tmp_path: Path) -> list[Path]:
    """Four gradients of two shapes: interpolation differs little on them."""
    paths = []
    for number, (width, height) in enumerate([(48, 32), (32, 32), (32, 48), (40, 40)]):
        across, down = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
        pixels = np.stack([across, down, np.full_like(across, 60 * number)], axis=2)
        paths.append(tmp_path / f"{number}.png")
        PIL.Image.fromarray(pixels.astype(np.uint8)).save(paths[-1])
    return paths


def plans(steps: int = 2) -> Iterator[Plan]:
    for step in range(steps):
        yield torch.tensor([0, 1, 2, 3]), draws_of_step(4, 0, step)


def test_memory_and_files_give_the_same_crops(smooth_images: list[Path]) -> None:
    cached = CachedImages(smooth_images, side=48)
    streamed = StreamedImages(smooth_images, workers=0)
    pairs = zip(cached.crops(plans(), GENTLE, 32), streamed.crops(plans(), GENTLE, 32), strict=True)
    for ours, theirs in pairs:
        assert ours.shape == theirs.shape == (4, 3, 32, 32)
        assert (ours.float() - theirs.float()).abs().mean() < 2


def test_a_resize_before_the_crop_leaves_the_box_where_it_was(smooth_images: list[Path]) -> None:
    plain = StreamedImages(smooth_images, workers=0).crops(plans(), GENTLE, 32)
    before = replace(GENTLE, resize=40)
    twice = StreamedImages(smooth_images, workers=0).crops(plans(), before, 32)
    for ours, theirs in zip(twice, plain, strict=True):
        assert (ours.float() - theirs.float()).abs().mean() < 2


def test_a_resize_before_the_crop_blurs_what_is_finer_than_its_pixels(tmp_path: Path) -> None:
    board = np.indices((64, 64)).sum(axis=0) % 2 * np.uint8(255)
    PIL.Image.fromarray(np.repeat(board[..., None], 3, axis=2).astype(np.uint8)).save(
        tmp_path / "board.png"
    )
    source = StreamedImages([tmp_path / "board.png"], workers=0)
    window = Augmentation(window=0.5)
    for resize, spread in ((None, 127.0), (32, 0.0)):
        plan = iter([(torch.tensor([0]), torch.full((1, 10), 0.5))])
        (crop,) = source.crops(plan, replace(window, resize=resize), 32)
        assert float(crop.float().std()) == pytest.approx(spread, abs=3)


def test_images_in_their_own_shape_are_streamed(smooth_images: list[Path]) -> None:
    assert isinstance(open_images(smooth_images, None, 0), StreamedImages)


def test_workers_change_nothing(smooth_images: list[Path]) -> None:
    alone = [*StreamedImages(smooth_images, workers=0).crops(plans(), GENTLE, 32)]
    helped = [*StreamedImages(smooth_images, workers=2).crops(plans(), GENTLE, 32)]
    assert all(torch.equal(a, b) for a, b in zip(alone, helped, strict=True))


def test_small_images_are_kept_in_memory_and_large_ones_streamed(
    smooth_images: list[Path],
) -> None:
    assert isinstance(open_images(smooth_images, 32, 0), CachedImages)
    assert isinstance(open_images(smooth_images, 24, 0), StreamedImages)


def test_as_much_is_kept_in_memory_as_has_room(
    smooth_images: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four squares of the longest side, 48; an image that comes twice is kept once."""
    for room, kept in ((4 * 3 * 48**2, True), (4 * 3 * 48**2 - 1, False)):
        monkeypatch.setattr(images, "CACHE_BYTES", room)
        found = open_images(smooth_images * 2, 32, 0)
        assert isinstance(found, CachedImages) == kept
    monkeypatch.setattr(images, "CACHE_BYTES", 4 * 3 * 40**2 - 1)
    monkeypatch.setattr(images, "_longer_side", lambda _: pytest.fail("a file was opened"))
    assert isinstance(open_images(smooth_images, 40, 0), StreamedImages)  # nothing to look for


def test_a_file_that_is_no_image_is_named(smooth_images: list[Path]) -> None:
    smooth_images[2].write_bytes(b"not an image")
    with pytest.raises(DataError, match=r"2\.png"):
        open_images(smooth_images, 32, 0)
    for workers in (0, 1):
        with pytest.raises(DataError, match=r"2\.png") as caught:
            list(StreamedImages(smooth_images, workers).crops(plans(), GENTLE, 32))
        assert "Traceback" not in str(caught.value)


@pytest.mark.parametrize(
    ("smallest", "window", "sharp"), [(1 / 16, None, True), (1.0, None, False), (1.0, 0.25, True)]
)
def test_a_jpeg_is_decoded_as_small_as_the_smallest_crop_allows(
    smallest: float, window: float | None, sharp: bool, tmp_path: Path
) -> None:
    """Of 128 pixels the smallest crop of a sixteenth is 32: not one may be lost."""
    board = np.indices((128, 128)).sum(axis=0) % 2 * np.uint8(255)
    PIL.Image.fromarray(board.astype(np.uint8)).save(tmp_path / "board.jpg", quality=100)
    augmentation = Augmentation(scale=(smallest, 1.0), ratio=(1.0, 1.0), window=window)
    source = StreamedImages([tmp_path / "board.jpg"], workers=0)
    (crop,) = source.crops(iter([(torch.tensor([0]), torch.zeros(1, 10))]), augmentation, 32)
    assert (float(crop.float().std()) > 100) == sharp
