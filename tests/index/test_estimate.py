"""An estimate grows as the work does, and is of the work's order."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from jaxtyping import Float
from torch import Tensor, nn

from zoo.data.dataset import read_dataset
from zoo.embedding.options import EmbedOptions
from zoo.embedding.sources import as_dataset
from zoo.errors import DataError
from zoo.index import estimate
from zoo.index.estimate import building_cost, building_seconds, embedding_seconds
from zoo.index.options import IndexOptions


@pytest.fixture
def constant_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine on which every measurement takes a second."""
    monkeypatch.setattr(estimate, "_seconds", lambda act: (act(), 1.0)[1])


@pytest.mark.usefixtures("constant_rate")
def test_estimates_follow_the_operations() -> None:
    pairs = 4096 * 1024
    trained = 64 * 128
    expected = 128 * (10 * trained + 10**6) / pairs
    assert building_seconds("IVF128,SQ8", 10**6, 8) == pytest.approx(expected)
    assert building_seconds("IVF128,SQ8", 1000, 8) == pytest.approx(128 * 11 * 1000 / pairs)
    assert building_seconds("HNSW8", 4_000_000, 8) == pytest.approx(2000 * 2)  # log 4e6 = 2 log 2e3
    assert building_seconds("Flat", 10**6, 8) == 0


class Slow(nn.Module):
    """A model that takes 5 ms an image."""

    dim = 3

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))

    def transform(self, image: Any) -> Float[Tensor, "3 1 1"]:
        return torch.tensor(image.resize((1, 1)).getpixel((0, 0))).float().view(3, 1, 1)

    def forward(self, images: Float[Tensor, "batch 3 1 1"]) -> Float[Tensor, "batch 3"]:
        time.sleep(0.005 * len(images))
        return images.flatten(1)

    embed_images: Callable[..., Tensor] = forward


def test_embedding_is_timed_on_a_few_items_of_all(
    photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(estimate, "PROBE", 4)
    dataset = read_dataset(photos)
    seconds = embedding_seconds(Slow(), dataset, "images", EmbedOptions())
    assert seconds >= 0.005 * len(dataset)


@pytest.mark.usefixtures("constant_rate")
def test_captions_are_counted_and_timed_by_items_that_have_one(
    photos: Path, tmp_path: Path, colour_model: Callable[..., Any]
) -> None:
    paths = sorted(path.relative_to(photos).as_posix() for path in photos.rglob("*.png"))
    rows = [{"path": path, "captions": ["a", "b"] if n > 8 else []} for n, path in enumerate(paths)]
    (photos / "set.jsonl").write_text("\n".join(map(json.dumps, rows)))
    options = IndexOptions(modality="captions")
    found = building_cost(colour_model(), as_dataset(photos / "set.jsonl"), options)
    assert (found["count"], found["embed_s"]) == (6, 1.0)
    with pytest.raises(DataError, match="no item has a caption"):
        building_cost(colour_model(), as_dataset(photos / "red"), options)
