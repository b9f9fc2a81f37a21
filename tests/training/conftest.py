"""What training tests share: a dataset of tiny drawn images and a tiny timm network."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
import torch

from zoo.data.dataset import ImageDataset, read_dataset
from zoo.models import Embedder, EmbedderConfig
from zoo.recipes import Recipe
from zoo.recipes.changes import override
from zoo.recipes.own_images import own_recipe
from zoo.recipes.recipe import Engine, Schedule


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten classes of four 24 x 20 images: a colour each, with noise."""
    folder: Path = tmp_path_factory.mktemp("photos")
    generator = np.random.default_rng(0)
    for number in range(10):
        colour = generator.integers(0, 256, 3)
        (folder / f"class{number}").mkdir()
        for copy in range(4):
            pixels = colour + generator.integers(-40, 41, (20, 24, 3))
            image = PIL.Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
            image.save(folder / f"class{number}" / f"{copy}.png")
    return folder


@pytest.fixture(scope="session")
def dataset(photos: Path) -> ImageDataset:
    return read_dataset(photos)


@pytest.fixture
def network() -> Callable[..., Embedder]:
    """Build a tiny network; the same call gives the same weights."""

    def build(architecture: str = "test_resnet", **head: Any) -> Embedder:
        torch.manual_seed(7)
        return Embedder(EmbedderConfig(architecture, **head).at_size(24))

    return build


@pytest.fixture
def recipe() -> Recipe:
    """Twelve steps of four classes by two, with every augmentation on."""
    small = own_recipe("test_resnet", "smooth_ap")
    small = replace(small, schedule=Schedule(steps=12, kind="cosine"), engine=Engine())
    for key, value in (("batch.size", "8"), ("batch.per_class", "2"), ("batch.chunk", "3")):
        small = override(small, key, value)
    return override(override(small, "optimiser.lr", "1e-3"), "augmentation.grey", "0.3")
