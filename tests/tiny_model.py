"""A fixture for tests of commands: the folder of a tiny network, which costs next to nothing."""

from pathlib import Path

import pytest

from zoo.data.preprocessing import Preprocessing
from zoo.models import EmbedderConfig, build_embedder, save_embedder


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with timm's smallest ResNet at 32 px, randomly initialised."""
    folder = tmp_path_factory.mktemp("model")
    config = EmbedderConfig("test_resnet", preprocessing=Preprocessing(size=32, resize=32))
    save_embedder(build_embedder(config), folder)
    return folder
