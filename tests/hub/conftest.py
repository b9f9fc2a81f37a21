"""A Hub on 127.0.0.1, and caches that no test shares with the machine."""

import importlib.util
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.hub.clip_files import SHAPE
from tests.tiny_model import model as model


@pytest.fixture(autouse=True)
def caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Point both caches at an empty folder and forget every setting of the machine."""
    for name in ("HF_ENDPOINT", "HF_TOKEN", "HF_HUB_OFFLINE", "HF_HUB_CACHE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("RANKZOO_CACHE", str(tmp_path / "rankzoo"))
    return tmp_path


def _module(name: str) -> ModuleType:
    path = Path(__file__).with_name(f"{name}.py")
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def new_hub() -> Callable[[], Any]:
    """Start a loopback Hub; a test file cannot import its neighbours by name."""
    hub_class, handler = _module("loopback").LoopbackHub, _module("loopback_http").handler
    return lambda: hub_class(handler)


@pytest.fixture
def hub(new_hub: Callable[[], Any], monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A fresh Hub that `HF_ENDPOINT` points to; uploads go the LFS way."""
    server = new_hub()
    monkeypatch.setenv("HF_ENDPOINT", server.url)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)
    yield server
    server.stop()


@pytest.fixture
def own_hub(hub: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The loopback Hub for the client's own methods, which read the environment when imported."""
    constants = "huggingface_hub.constants"
    address = f"{hub.url}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
    monkeypatch.setattr(f"{constants}.ENDPOINT", hub.url)
    monkeypatch.setattr(f"{constants}.HUGGINGFACE_CO_URL_TEMPLATE", address)
    monkeypatch.setattr(f"{constants}.HF_HUB_CACHE", str(tmp_path / "client"))
    return hub


@pytest.fixture
def naps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Every sleep the code under test asks for; none is slept."""
    asked: list[float] = []
    monkeypatch.setattr(time, "sleep", asked.append)
    return asked


@pytest.fixture
def data_hub(own_hub: Any, caches: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The loopback Hub for `datasets`, which reads its settings when it is imported."""
    import datasets
    from huggingface_hub import HfFileSystem

    monkeypatch.setattr(datasets.config, "HF_ENDPOINT", own_hub.url)
    for name in ("HF_DATASETS_CACHE", "HF_MODULES_CACHE", "DOWNLOADED_DATASETS_PATH"):
        monkeypatch.setattr(datasets.config, name, str(caches / name))
    HfFileSystem.clear_instance_cache()
    yield own_hub
    HfFileSystem.clear_instance_cache()


@pytest.fixture(scope="module")
def network() -> Any:
    """A tiny, randomly initialised model of open_clip."""
    import open_clip
    import torch

    torch.manual_seed(0)
    return open_clip.CLIP(**SHAPE).eval()
