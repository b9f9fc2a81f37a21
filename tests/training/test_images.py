"""Training images: the same crops from memory as from files, in any number of workers."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import torch

from zoo.errors import DataError
from zoo.recipes.recipe import Augmentation
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


def test_workers_change_nothing(smooth_images: list[Path]) -> None:
    alone = [*StreamedImages(smooth_images, workers=0).crops(plans(), GENTLE, 32)]
    helped = [*StreamedImages(smooth_images, workers=2).crops(plans(), GENTLE, 32)]
    assert all(torch.equal(a, b) for a, b in zip(alone, helped, strict=True))


def test_small_images_are_kept_in_memory_and_large_ones_streamed(
    smooth_images: list[Path],
) -> None:
    assert isinstance(open_images(smooth_images, 32, 0), CachedImages)
    assert isinstance(open_images(smooth_images, 24, 0), StreamedImages)


def test_a_file_that_is_no_image_is_named(smooth_images: list[Path]) -> None:
    smooth_images[2].write_bytes(b"not an image")
    with pytest.raises(DataError, match=r"2\.png"):
        open_images(smooth_images, 32, 0)
    for workers in (0, 1):
        with pytest.raises(DataError, match=r"2\.png") as caught:
            list(StreamedImages(smooth_images, workers).crops(plans(), GENTLE, 32))
        assert "Traceback" not in str(caught.value)
