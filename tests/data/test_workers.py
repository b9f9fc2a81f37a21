"""Worker processes: started in a way that is safe, and the same images however they start."""

import sys
from pathlib import Path

import pytest
import torch

import zoo.data.workers
from zoo.data.dataset import read_dataset
from zoo.data.preprocessing import Preprocessing
from zoo.data.transforms import evaluation_transform
from zoo.data.workers import start_method
from zoo.embedding.embed import embed_dataset
from zoo.embedding.options import EmbedOptions
from zoo.recipes.recipe import Augmentation
from zoo.training.augment import draws_of_step
from zoo.training.images import StreamedImages

LINUX_311 = {"platform": "linux", "version_info": (3, 11, 9)}


class MeanColour(torch.nn.Module):
    """Embeds an image as its mean colour."""

    transform = staticmethod(evaluation_transform(Preprocessing(size=8, resize=8)))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images.mean(dim=(2, 3))


@pytest.fixture
def without_faiss(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "faiss", raising=False)
    for name, value in LINUX_311.items():
        monkeypatch.setattr(sys, name, value)


@pytest.mark.usefixtures("without_faiss")
def test_linux_forks_while_nothing_forbids_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert start_method() == "fork"
    monkeypatch.setattr(zoo.data.workers, "_gpu_in_use", lambda: True)
    assert start_method() == "spawn"


@pytest.mark.usefixtures("without_faiss")
@pytest.mark.parametrize(
    ("name", "value"),
    [("platform", "darwin"), ("platform", "win32"), ("version_info", (3, 12, 0))],
)
def test_other_systems_and_later_pythons_start_anew(
    name: str, value: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, name, value)
    assert start_method() == "spawn"


@pytest.mark.usefixtures("without_faiss")
def test_faiss_forbids_a_fork(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "faiss", sys)
    assert start_method() == "spawn"


@pytest.mark.slow
@pytest.mark.parametrize("method", ["spawn", "fork"])
def test_workers_give_the_images_of_one_process(
    method: str, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for room in ("embedding.embed", "training.images"):
        monkeypatch.setattr(f"zoo.{room}.start_method", lambda: method)
    dataset = read_dataset(photos)
    plans = [(torch.arange(6), draws_of_step(6, 0, step)) for step in range(2)]

    def crops(workers: int) -> list[torch.Tensor]:
        source = StreamedImages(dataset.paths, workers)
        return list(source.crops(iter(plans), Augmentation(), 8))

    assert all(torch.equal(a, b) for a, b in zip(crops(2), crops(0), strict=True))
    vectors = [
        embed_dataset(MeanColour(), dataset, EmbedOptions(workers=workers)) for workers in (2, 0)
    ]
    assert torch.equal(*vectors)
